/** Restores over what backups are opened with. */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { engine as filesEngine } from "../../../src/engines/files/engine.ts";
import { refuseOwnFile } from "../../../src/pipeline/refuse-own-file.ts";
import { createFilesProject, type FilesProject } from "../../support/files-project.ts";
import { dumpToMemory, type MemoryBackup, makeContext, makeSource, readerOf, usePlace } from "./memory-backup.ts";
import { describeTree, removeTree } from "./tree-zoo.ts";

let base: string;
let backup: MemoryBackup;
const at = (name: string) => join(base, name);

beforeEach(async () => {
  base = fs.realpathSync(await mkdtemp(join(tmpdir(), "hf-own-")));
  for (const directory of ["tree", "srv/vault/artifacts", "etc/holdfast", "home", "real/inner", "empty"]) {
    fs.mkdirSync(at(directory), { recursive: true });
  }
  fs.writeFileSync(at("tree/file"), "backed up");
  fs.writeFileSync(at("srv/vault/holdfast.json"), "{}");
  fs.writeFileSync(at("real/inner/main.key"), "key");
  fs.symlinkSync(at("real/inner"), at("etc/holdfast/keys"));
  fs.writeFileSync(at("home/holdfast.yml"), "version: 1");
  fs.symlinkSync(at("srv"), at("link"));
  fs.symlinkSync(at("srv/vault"), at("link-to-vault"));
  backup = await dumpToMemory(makeSource(at("tree")));
});
afterEach(() => removeTree(base));

const own = () => ({
  vaults: [at("link/vault"), at("planned/vault")],
  files: [at("etc/holdfast/keys/main.key"), at("home/holdfast.yml")],
});

async function restore(target: string, overwrite: boolean): Promise<void> {
  const context = makeContext({ ownPaths: own() });
  const place = await filesEngine.openTarget([readerOf(backup)], undefined, { target, overwrite }, context);
  await usePlace(place, async () => {
    await place.load();
    await place.commit();
  });
}

describe("a target is refused", () => {
  it.each([
    ["the vault", "srv/vault", "is in the vault"],
    ["the vault by a link", "link-to-vault", "is in the vault"],
    ["the vault by another spelling", "srv/./vault/../vault/", "is in the vault"],
    ["in the vault", "srv/vault/new", "is in the vault"],
    ["in a room of the vault", "srv/vault/artifacts", "is in the vault"],
    ["in the vault through a link", "link/vault/new", "is in the vault"],
    ["above the vault", "srv", "holds the vault"],
    ["a link to what is above the vault", "link", "holds the vault"],
    ["a vault that does not exist yet", "planned/vault", "is in the vault"],
    ["in a vault that does not exist yet", "planned/vault/new", "is in the vault"],
    ["above a vault that does not exist yet", "planned", "holds the vault"],
    ["the real directory of a key", "real/inner", "main.key"],
    ["above the real directory of a key", "real", "main.key"],
    ["the directory with the link to the key's", "etc/holdfast", "main.key"],
    ["above that", "etc", "main.key"],
    ["the policy's directory", "home", "holdfast.yml"],
    ["all of it", "", ""],
  ])("that is %s", async (_, name, problem) => {
    const before = describeTree(base);
    const refused = { name: "RestoreRefused", message: expect.stringContaining(problem) };
    const request = { target: `${base}/${name}`, overwrite: true };
    const context = makeContext({ ownPaths: own() });
    await expect(filesEngine.planRestore([readerOf(backup)], undefined, request, context)).rejects.toMatchObject(refused);
    await expect(restore(`${base}/${name}`, true)).rejects.toMatchObject(refused);
    await expect(restore(`${base}/${name}`, false)).rejects.toMatchObject(refused);
    expect(describeTree(base)).toEqual(before);
  });

  it.each(["home/restored", "real/inner/restored", "empty", "tree", "srv/vault2", "srv/vault-restored", "etc/holdfast/new"])(
    "unless it only is beside them: %s",
    async (name) => {
      await restore(at(name), true);
      expect(fs.readFileSync(join(at(name), "file"), "utf8")).toBe("backed up");
      expect(fs.existsSync(at("srv/vault/holdfast.json"))).toBe(true);
    },
  );
});

describe("a file to be written", () => {
  it.each([
    ["the vault's own document", "srv/vault/holdfast.json"],
    ["another in the vault, by a link", "link-to-vault/report.html"],
    ["in a vault that does not exist yet", "planned/vault/report.html"],
    ["a key", "real/inner/main.key"],
    ["a key by a link", "etc/holdfast/keys/main.key"],
    ["the policy", "home/../home/holdfast.yml"],
  ])("is refused when it is %s", async (_, name) => {
    await expect(refuseOwnFile(at(name), own())).rejects.toMatchObject({ name: "UsageInvalid", hint: "Name another file." });
  });

  it.each(["home/report.html", "real/inner/report.html", "srv/vault.html"])("may lie beside them: %s", async (name) => {
    await refuseOwnFile(at(name), own());
  });
});

// A bind mount gives a directory a second path without any link; only root may make one.
if (process.geteuid?.() === 0) {
  it("that a bind mount leads to is refused, too", async () => {
    fs.mkdirSync(at("mnt/srv"), { recursive: true });
    execFileSync("mount", ["--bind", at("srv"), at("mnt/srv")]);
    try {
      await expect(restore(at("mnt/srv/vault/new"), false)).rejects.toMatchObject({ name: "RestoreRefused" });
      await expect(restore(at("mnt/srv/vault"), true)).rejects.toMatchObject({ name: "RestoreRefused" });
    } finally {
      execFileSync("umount", [at("mnt/srv")]);
    }
  });
}

describe("a restore with a policy", () => {
  let project: FilesProject;
  beforeEach(async () => {
    project = await createFilesProject();
  });
  afterEach(() => project[Symbol.asyncDispose]());

  it.each(["vault", "vault/artifacts", "vault/new", "."])("knows what is its own: %s", async (target) => {
    await project.back();
    const context = await project.open();
    const { restoreBackup } = await import("../../../src/pipeline/restore.ts");
    const found = await project.find("tree@latest", context);
    const restoring = restoreBackup(context, found, { to: join(project.directory, target), overwrite: true, allowDamaged: true });
    await expect(restoring).rejects.toMatchObject({ name: "RestoreRefused", exitCode: 5 });
    expect((await project.filesOf("artifacts")).length).toBeGreaterThan(0);
    expect(fs.existsSync(project.policyFile)).toBe(true);
  });

  it("knows every file that the policy names", async () => {
    await project.writePolicy(
      "version: 1\nvaults: { main: folder:vault, other: folder:/srv/other, cloud: s3://bucket }\n" +
        "keys: { main: [file:main.key, file:old/main.key, kms:alias/x] }\nsources:\n" +
        "  tree: { engine: files, path: tree, vault: main, retention: { keepLast: 1 } }\n" +
        "  shop: { engine: postgres, connection: file:secrets/shop, vault: main, retention: { keepLast: 1 } }\n" +
        "alerts: { critical: [slack:file:secrets/slack] }\n",
    );
    const { ownPaths } = (await project.open()).run;
    const inside = (...names: string[]) => names.map((name) => join(project.directory, name));
    expect(ownPaths).toEqual({
      vaults: [...inside("vault"), "/srv/other"],
      files: inside("holdfast.yml", "main.key", "old/main.key", "secrets/shop", "secrets/slack"),
    });
  });
});
