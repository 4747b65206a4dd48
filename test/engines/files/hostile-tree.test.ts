/**
 * Trees made by somebody who wants to be left out, to hold the backup up, or to have it read what
 * is not theirs.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestBackup } from "../../../src/engines/files/digest.ts";
import { engine as filesEngine } from "../../../src/engines/files/engine.ts";
import { localOperations, pooledOperations } from "../../../src/engines/files/file-operations.ts";
import { createHoleBudget } from "../../../src/engines/files/hole-budget.ts";
import { openDirectory } from "../../../src/engines/files/open-directory.ts";
import { dumpToMemory, indexOf, type MemoryBackup, makeContext, makeSource, prove, readerOf, usePlace } from "./memory-backup.ts";
import { noise, removeTree } from "./tree-zoo.ts";

let base: string;
let tree: string;
beforeEach(async () => {
  base = fs.realpathSync(await mkdtemp(join(tmpdir(), "hf-hostile-")));
  tree = join(base, "tree");
  fs.mkdirSync(tree);
});
afterEach(() => removeTree(base));

const vaultRooms = ["artifacts", "evidence", "holds", "leases", "manifests"];
const marker = JSON.stringify({ formatVersion: 2, sealingSuite: "0x0478" });

function makeVault(path: string): void {
  for (const room of vaultRooms) fs.mkdirSync(join(path, room), { recursive: true });
  fs.writeFileSync(join(path, "holdfast.json"), marker);
  fs.writeFileSync(join(path, "artifacts/sealed"), noise(1_000));
}

function withVaults(...vaults: string[]) {
  return makeContext({ ownPaths: { vaults, files: [] } });
}

function pathsOf(backup: MemoryBackup): unknown[] {
  return indexOf(backup)
    .filter(({ type }) => type !== "skipped")
    .map(({ path }) => path);
}

async function expectProven(backup: MemoryBackup): Promise<void> {
  expect(backup.sourceCheck.mode).toBe("counts");
  const proof = await prove(backup);
  expect(proof.comparison.differences).toEqual([]);
  expect(proof.sourceCheck.differences).toEqual([]);
}

describe("a directory with a vault's marker", () => {
  it.each<[string, () => void]>([
    ["that anyone may have planted", () => fs.writeFileSync(join(tree, "data/holdfast.json"), marker)],
    ["with all the rooms of a vault", () => makeVault(join(tree, "data"))],
    [
      "that is a symbolic link to a real one",
      () => {
        makeVault(join(base, "vault"));
        fs.symlinkSync(join(base, "vault/holdfast.json"), join(tree, "data/holdfast.json"));
      },
    ],
  ])("is data like any other: one %s", async (_, plant) => {
    fs.mkdirSync(join(tree, "data"));
    fs.writeFileSync(join(tree, "data/important"), "must not be lost");
    plant();
    const backup = await dumpToMemory(makeSource(tree), withVaults(join(base, "vault")));
    expect(pathsOf(backup)).toContain("data/important");
    expect(backup.facts).toMatchObject({ leftOut: 0 });
    await expectProven(backup);
  });

  it("is named in a notice when it looks like another policy's vault, the source's own root too", async () => {
    makeVault(join(tree, "other"));
    const backup = await dumpToMemory(makeSource(tree), withVaults(join(base, "vault")));
    expect(backup.notices).toMatchObject([{ code: "foreign-vault", subject: "other" }]);
    expect(pathsOf(backup)).toContain("other/artifacts/sealed");
    const itself = await dumpToMemory(makeSource(join(tree, "other")), withVaults(join(base, "vault")));
    expect(itself.notices).toMatchObject([{ code: "foreign-vault", subject: "." }]);
    expect(pathsOf(itself)).toContain("artifacts/sealed");
  });
});

describe("the policy's own vault in a tree", () => {
  it.each<[string, () => string]>([
    ["by its path", () => join(tree, "deep/vault")],
    [
      "by a symbolic link",
      () => {
        fs.symlinkSync(join(tree, "deep/vault"), join(base, "link"));
        return join(base, "link");
      },
    ],
    [
      "through a linked directory above",
      () => {
        fs.symlinkSync(join(tree, "deep"), join(base, "above"));
        return join(base, "above/vault");
      },
    ],
    ["by a path with dots", () => `${tree}/deep/../deep/./vault/`],
  ])("is left out when the policy names it %s", async (_, name) => {
    makeVault(join(tree, "deep/vault"));
    fs.writeFileSync(join(tree, "deep/data"), "x");
    const backup = await dumpToMemory(makeSource(tree), withVaults(name()));
    expect(pathsOf(backup)).toEqual([".", "deep", "deep/data"]);
    expect(backup.notices).toMatchObject([{ code: "vault-skipped", subject: "deep/vault" }]);
    await expectProven(backup);
  });

  it.each(["", "/artifacts", "/."])("is refused as a source: vault%s", async (below) => {
    makeVault(join(base, "vault"));
    fs.symlinkSync(join(base, "vault"), join(base, "link"));
    for (const [source, vault] of [
      [`vault${below}`, "vault"],
      [`link${below}`, "vault"],
      [`vault${below}`, "link"],
    ] as const) {
      const dumping = dumpToMemory(makeSource(join(base, source)), withVaults(join(base, vault)));
      await expect(dumping).rejects.toMatchObject({ name: "SourceUnsupported" });
    }
  });

  it("that does not exist yet stops nothing", async () => {
    fs.writeFileSync(join(tree, "file"), "x");
    await expectProven(await dumpToMemory(makeSource(tree), withVaults(join(tree, "vault"), join(base, "nowhere/vault"))));
  });
});

it("never waits for a named pipe, a socket or a device, whatever its name", async () => {
  const names = ["holdfast.json", "manifests", "RESTORE.md", "index.jsonl", ".holdfast", "plain"];
  for (const name of names) {
    execFileSync("mkfifo", [join(tree, name)]);
    fs.mkdirSync(join(tree, "directory", name), { recursive: true });
    execFileSync("mkfifo", [join(tree, "directory", name, "holdfast.json")]);
    fs.symlinkSync("/dev/zero", join(tree, "directory", name, "endless"));
    fs.symlinkSync(join(tree, name), join(tree, "directory", name, "to-a-pipe"));
  }
  const backup = await dumpToMemory(makeSource(tree));
  expect(backup.notices.filter(({ code }) => code === "special-file-skipped")).toHaveLength(2 * names.length);
  await expectProven(backup);
  const findings = await filesEngine.check(makeSource(tree), makeContext());
  expect(findings.filter(({ level }) => level === "error")).toEqual([]);
});

describe("a directory that is replaced while the tree is read", () => {
  const secret = "a secret of another user, 0600";
  const replaced: [string, (path: string) => void][] = [
    ["a symbolic link to a directory of secrets", (path) => fs.symlinkSync(join(base, "secrets"), path)],
    ["a symbolic link to it through the tree", (path) => fs.symlinkSync("../../secrets", path)],
    ["another real directory", (path) => fs.cpSync(join(base, "secrets"), path, { recursive: true })],
  ];
  beforeEach(() => {
    for (const directory of ["secrets", "secrets/sub"]) {
      fs.mkdirSync(join(base, directory));
      fs.writeFileSync(join(base, directory, "shadow"), secret);
      fs.writeFileSync(join(base, directory, "z-large-shadow"), secret.repeat(10_000));
      fs.symlinkSync(secret, join(base, directory, "z-link"));
    }
    for (const directory of ["p", "p/sub"]) {
      fs.mkdirSync(join(tree, directory));
      fs.writeFileSync(join(tree, directory, "shadow"), "the tree's own");
      fs.writeFileSync(join(tree, directory, "z-large-shadow"), noise(300_000));
      fs.symlinkSync("own", join(tree, directory, "z-link"));
    }
    fs.writeFileSync(join(tree, "p/a-large"), noise(8_000_000));
  });

  async function dumpReplacing(name: string, replace: (path: string) => void): Promise<MemoryBackup> {
    await setTimeout(25);
    return dumpToMemory(makeSource(tree), undefined, (_, number) => {
      if (number !== 4) return;
      fs.renameSync(join(tree, name), join(base, "moved"));
      replace(join(tree, name));
    });
  }

  it.each(replaced)("with its files being read, by %s: the first one is read on", async (_, replace) => {
    const backup = await dumpReplacing("p", replace);
    expect(backup.artifacts.get("files.tar")?.includes(secret)).toBe(false);
    const shadow = indexOf(backup).find(({ path }) => path === "p/shadow");
    expect(shadow).toMatchObject({ type: "file", size: 14 });
    expect(indexOf(backup).find(({ path }) => path === "p/sub/shadow")).toMatchObject({ size: 14 });
    expect(backup.sourceCheck.mode).toBe("none");
    expect((await prove(backup)).comparison.differences).toEqual([]);
  });

  it.each(replaced)("after it was looked up and before it is entered, by %s: it has vanished, by name", async (_, replace) => {
    const backup = await dumpReplacing("p/sub", replace);
    expect(backup.artifacts.get("files.tar")?.includes(secret)).toBe(false);
    expect(backup.notices).toContainEqual(expect.objectContaining({ code: "file-vanished", subject: "p/sub" }));
    expect(pathsOf(backup).filter((path) => String(path).startsWith("p/sub/"))).toEqual([]);
    expect((await prove(backup)).comparison.differences).toEqual([]);
  });

  it("again and again by another process never shows what the link leads to", async () => {
    const loop = `const fs = require("node:fs"); process.chdir(${JSON.stringify(tree)});
      fs.symlinkSync(${JSON.stringify(join(base, "secrets"))}, "link"); process.stdout.write("ready");
      for (;;) try { fs.renameSync("p", "q"); fs.renameSync("link", "p"); fs.renameSync("p", "link"); fs.renameSync("q", "p"); } catch {}`;
    const racer = spawn(process.execPath, ["-e", loop], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      await once(racer.stdout, "data");
      for (let run = 0; run < 15; run++) {
        const backup = await dumpToMemory(makeSource(tree));
        expect(backup.artifacts.get("files.tar")?.includes(secret)).toBe(false);
      }
    } finally {
      racer.kill("SIGKILL");
      await once(racer, "exit");
    }
  });

  it.each([
    ["synchronous", localOperations],
    ["pooled", pooledOperations],
  ])("is noticed where paths cannot go by descriptor, with %s operations", async (_, operations) => {
    const path = Buffer.from(join(tree, "p"));
    const directory = await openDirectory(operations, path, { byDescriptor: false });
    expect([directory.isInPlace(), String(directory.at("shadow"))]).toEqual([true, join(tree, "p/shadow")]);
    fs.renameSync(join(tree, "p"), join(base, "moved"));
    expect(directory.isInPlace()).toBe(false);
    fs.symlinkSync(join(base, "moved"), join(tree, "p"));
    expect(directory.isInPlace()).toBe(false);
    await directory.release();
  });
});

it("closes every directory that it opens, also when it is stopped", async () => {
  for (let number = 0; number < 50; number++) {
    fs.mkdirSync(join(tree, `${number}/a/b`), { recursive: true });
    fs.writeFileSync(join(tree, `${number}/a/b/file`), noise(200_000));
  }
  const open = () => fs.readdirSync("/proc/self/fd").filter((fd) => isBelow(fd)).length;
  const isBelow = (fd: string) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith(base);
    } catch {
      return false;
    }
  };
  await dumpToMemory(makeSource(tree));
  expect(open()).toBe(0);
  const controller = new AbortController();
  const stopped = dumpToMemory(makeSource(tree), makeContext({ signal: controller.signal }), (_, number) => {
    if (number === 4) controller.abort();
  });
  await expect(stopped).rejects.toThrow();
  expect(open()).toBe(0);
});

it("names what lies beyond the longest path, and counts the rest", async () => {
  const name = "d".repeat(200);
  // Relative to ever deeper working directories: no system call takes a path of this length.
  const script = `import os\nfor level in range(25):\n  os.mkdir("${name}"); os.chdir("${name}"); open("file", "w").close()`;
  execFileSync("python3", ["-c", script], { cwd: tree });
  try {
    const backup = await dumpToMemory(makeSource(tree));
    expect(backup.notices.map(({ code }) => code)).toContain("file-unreadable");
    expect(backup.notices.map(({ message }) => message).join()).toContain("too long");
    expect(pathsOf(backup).length).toBeGreaterThan(30);
    expect(backup.sourceCheck.mode).toBe("counts");
  } finally {
    execFileSync("rm", ["-rf", name], { cwd: tree });
  }
});

it("whose paths are as long as can be is proven and restored, also where the target's own path is longer", async () => {
  const limit = Math.min(4_064, 4_095 - tree.length - 1);
  const script = `import os
left = ${limit}
while left > 255:
  os.mkdir("d" * 100); os.chdir("d" * 100); left -= 101
  open("file", "w").close()
open("f" * left, "w").write("at the end")
os.mkdir(b"\\xff"); os.chmod(b"\\xff", 0)`;
  const longer = join(base, "l".repeat(200), "m".repeat(200));
  fs.mkdirSync(longer, { recursive: true });
  try {
    execFileSync("python3", ["-c", script], { cwd: tree });
    const backup = await dumpToMemory(makeSource(tree));
    expect(backup.notices).toEqual([]);
    const context = makeContext({ temporaryDirectory: longer });
    expect((await prove(backup, context)).comparison.differences).toEqual([]);
    expect(fs.readdirSync(longer)).toEqual([]);
    const request = { target: join(longer, "restored"), overwrite: false };
    const place = await filesEngine.openTarget([readerOf(backup)], undefined, request, context);
    await usePlace(place, async () => {
      await place.load();
      const digest = await digestBackup(readerOf(backup), context);
      expect((await place.compare(digest)).differences).toEqual([]);
      await place.commit();
    });
    expect(fs.readdirSync(longer)).toEqual(["restored"]);
    execFileSync("diff", ["-r", tree, "restored"], { cwd: longer });
  } finally {
    execFileSync("rm", ["-rf", base]);
  }
});

describe("sparse files", () => {
  it("beyond what a backup may read of holes are left out by name, and the rest is proven", async () => {
    fs.writeFileSync(join(tree, "data"), noise(300_000));
    for (const name of ["huge-1", "huge-2", "small"]) fs.writeFileSync(join(tree, name), "");
    fs.truncateSync(join(tree, "huge-1"), 8_000_000_000_000);
    fs.truncateSync(join(tree, "huge-2"), 1_000_000_000_001);
    fs.truncateSync(join(tree, "small"), 1_000_000);
    const backup = await dumpToMemory(makeSource(tree));
    expect(pathsOf(backup)).toEqual([".", "data", "small"]);
    expect(backup.notices.map(({ code, subject }) => [code, subject])).toEqual([
      ["file-too-sparse", "huge-1"],
      ["file-too-sparse", "huge-2"],
    ]);
    expect(backup.facts).toMatchObject({ files: 2, leftOut: 2 });
    await expectProven(backup);
  });

  it("together may not have more holes than that, whatever each has", () => {
    const budget = createHoleBudget(1_000);
    const take = (size: bigint, blocks = 0n) => budget.take({ size, blocks });
    expect([take(600n), take(500n), take(400n), take(1n)]).toEqual([true, false, true, false]);
    // What a file system compressed, and what is no hole, is data.
    expect([take(1_000_000n, 100n), take(512n, 1n), take(0n)]).toEqual([true, true, true]);
  });
});
