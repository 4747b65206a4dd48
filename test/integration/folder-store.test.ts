import { spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findUnprivilegedUser } from "../../scripts/unprivileged-user.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { openFolderStore } from "../../src/vault/folder/store.ts";
import { ending, run, runOk, waitFor } from "../support/processes.ts";
import { runAs } from "../support/run-as.ts";
import { collect, toList } from "../support/streams.ts";

const writer = fileURLToPath(new URL("../support/folder-writer.ts", import.meta.url));

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "holdfast-folder-"));
});
afterEach(async () => {
  await run("chmod", ["-R", "u+rwX", root]);
  await rm(root, { recursive: true, force: true });
});

/** Every object that can be seen is one that was written, from its first byte to its last. */
async function expectAllWhole(): Promise<number> {
  const store = openFolderStore(root, { clock: systemClock });
  let count = 0;
  for await (const { key, bytes } of store.list("")) {
    const content = await collect((await store.get(key)).body);
    expect(content.length).toBe(bytes);
    count += 1;
    if (key === "counter") {
      expect(content.toString()).toMatch(/^\d+$/);
      continue;
    }
    const [, , , said = ""] = /^([^:]+):(\d+):(\d+);?/.exec(content.toString("latin1", 0, 64)) ?? [];
    // The smallest object is shorter than its own pattern.
    if (content.length > 64) expect(`${key}: ${content.length}`).toBe(`${key}: ${said}`);
    else expect(content.length === 10 || content.length === 300).toBe(true);
  }
  return count;
}

describe("writers killed at any moment", () => {
  it("leave whole objects only, no lock that stops the next, and a counter that lost no count", async () => {
    let counted = 0;
    for (let round = 0; round < 14; round += 1) {
      const children = ["a", "b"].map((name) =>
        spawn(process.execPath, [writer, root, "write-for-ever", name + round], { stdio: ["ignore", "pipe", "inherit"] }),
      );
      const before = counted;
      for (const child of children) {
        child.stdout.on("data", (chunk: Buffer) => {
          counted += chunk.toString().split("\n").length - 1;
        });
      }
      await waitFor("a first count", () => counted > before);
      await sleep(Math.random() * 300);
      const ends = children.map((child) => ending(child));
      for (const child of children) {
        child.kill("SIGKILL");
        await sleep(Math.random() * 20);
      }
      for (const end of await Promise.all(ends)) expect(end.signal).toBe("SIGKILL");
      await expectAllWhole();
    }
    expect(await expectAllWhole()).toBeGreaterThan(20);
    const store = openFolderStore(root, { clock: systemClock });
    const total = Number((await collect((await store.get("counter")).body)).toString());
    // A count may have been stored by a writer that died before it could say so; none may be lost
    // or counted twice.
    expect(total).toBeGreaterThanOrEqual(counted);
    expect(total).toBeLessThanOrEqual(counted + 28);

    const started = performance.now();
    const { etag } = await store.put("counter", Buffer.from("0"));
    await store.put("counter", Buffer.from("1"), { ifMatch: etag });
    expect(performance.now() - started).toBeLessThan(5_000);
    await store.abortStaleUploads(new Date(Date.now() + 60_000));
    expect(await readdir(join(root, ".partial"))).toEqual([]);
  });
});

describe("a disk that is full", () => {
  it("is named, and nothing is left of what did not fit", async () => {
    // A mount of its own, seen by this child only; in a user namespace where this user is not root.
    const unshare = ["--mount", ...(process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"])];
    const script = [
      'mount -t tmpfs -o size=4m tmpfs "$1"',
      '"$2" "$3" "$1" put 20000000',
      'find "$1" -type f | wc -l',
      '"$2" "$3" "$1" put 1000000',
    ].join(" && ");
    const output = await runOk("unshare", [...unshare, "/bin/sh", "-c", script, "sh", root, process.execPath, writer]);
    const [full = "", left, again = ""] = output.trim().split("\n");
    expect(JSON.parse(full)).toMatchObject({ name: "DiskFull", message: expect.stringContaining(`${root}/artifacts/large`) });
    expect(left?.trim()).toBe("0");
    expect(JSON.parse(again)).toMatchObject({ name: "done" });
  });
});

describe("a folder that belongs to someone else", () => {
  it("is named for reading, writing and deleting", async () => {
    const user = findUnprivilegedUser();
    await chmod(root, 0o755);
    await mkdir(join(root, "artifacts"), { mode: 0o755 });
    await mkdir(join(root, ".partial"), { mode: 0o755 });
    await writeFile(join(root, "artifacts/secret"), "secret", { mode: 0o000 });
    for (const directory of ["artifacts", ".partial"]) await chmod(join(root, directory), 0o555);
    for (const [task, argument] of [
      ["read", "artifacts/secret"],
      ["put", "10"],
      ["delete", "artifacts/secret"],
    ] as const) {
      const output = await runAs(user, writer, [root, task, argument]);
      expect(JSON.parse(output)).toMatchObject({ name: "StoreAccessDenied", message: expect.stringContaining(root) });
    }
    await chmod(join(root, "artifacts/secret"), 0o600);
    expect(await readFile(join(root, "artifacts/secret"), "utf8")).toBe("secret");
  });
});

describe("a large object", () => {
  it("is written in memory that does not grow with it", async () => {
    const peakOf = async (bytes: number): Promise<number> => {
      const output = await runOk(process.execPath, [writer, root, "memory", String(bytes)]);
      return (JSON.parse(output) as { peak: number }).peak;
    };
    const [small, large] = [await peakOf(10_000_000), await peakOf(300_000_000)];
    expect(large - small).toBeLessThan(60 * 1024 * 1024);
    expect(await toList(openFolderStore(root, { clock: systemClock }).list(""))).toMatchObject([{ bytes: 300_000_000 }]);
  });
});
