/**
 * Verification judges one backup by what it is: not by what is wrong with others, nor by what was
 * wrong with the reading.
 */
import { appendFile, cp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { restoreBackup } from "../../src/pipeline/restore.ts";
import { restoreTest } from "../../src/pipeline/restore-test.ts";
import { verifyBackup } from "../../src/pipeline/verify.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { createFilesProject, type FilesProject, partOf } from "../support/files-project.ts";

let project: FilesProject;

beforeEach(async () => {
  project = await createFilesProject();
});

afterEach(() => project[Symbol.asyncDispose]());

const manifestOf = (id: string): string => join(project.vault, "manifests", "tree", `${id}.json`);
const artifactOf = (id: string, name: string): string => join(project.vault, "artifacts", "tree", id, name);

/**
 * A store that takes no writes below these prefixes, as read-only media and a role that may only
 * read.
 */
function readOnly(store: ObjectStore): ObjectStore {
  return {
    ...store,
    put: async (key) => {
      throw new HoldfastError("StoreAccessDenied", `not allowed to write ${key}: EROFS`);
    },
  };
}

describe("the verdict on one backup", () => {
  test("is not damage because an older backup's manifest is damaged", async () => {
    const older = await project.back({ minutesAgo: 5 });
    const newer = await project.back({ verify: false });
    await appendFile(manifestOf(older), " ");
    expect((await verifyBackup(await project.open(), await project.find(newer))).outcome).toBe("verified");
  });

  test("is good again after a manifest that a restore test could not read was put back", async () => {
    const id = await project.back();
    const kept = await readFile(manifestOf(id));
    await writeFile(manifestOf(id), "{}");
    expect((await restoreTest(await project.open(), await project.find(id))).outcome).toBe("disproven");
    await writeFile(manifestOf(id), kept);
    expect((await verifyBackup(await project.open(), await project.find(id))).outcome).toBe("verified");
    expect((await restoreTest(await project.open(), await project.find(id))).outcome).toBe("proven");
  });

  test.each(["verify", "restore test"] as const)("is none when the backup is deleted under a %s", async (purpose) => {
    const id = await project.back({ verify: false });
    // As another machine would that does not see the mark: the manifest goes first, then the
    // artifacts, while the manifest has just been read.
    const deleting = (store: ObjectStore): ObjectStore => ({
      ...store,
      async get(key, options) {
        const got = await store.get(key, options);
        if (!key.startsWith("manifests/")) return got;
        await rm(manifestOf(id));
        await rm(join(project.vault, "artifacts", "tree", id), { recursive: true });
        return got;
      },
    });
    const context = await project.open({ wrapStore: deleting });
    const found = await project.find(id, context);
    const judging = purpose === "verify" ? verifyBackup(context, found) : restoreTest(context, found);
    await expect(judging).rejects.toMatchObject({ name: "BackupNotFound" });
    expect(await project.filesOf("evidence")).toEqual([]);
  });

  test("is none when the run is interrupted, whatever the interruption looks like from below", async () => {
    const id = await project.back({ verify: false });
    const controller = new AbortController();
    const interrupted = new HoldfastError("Interrupted", "the operation was interrupted by SIGINT");
    const failing = (store: ObjectStore): ObjectStore => ({
      ...store,
      async get(key, options) {
        if (!key.startsWith("artifacts/")) return store.get(key, options);
        controller.abort(interrupted);
        throw new HoldfastError("ArtifactDamaged", "broken off");
      },
    });
    const context = await project.open({ wrapStore: failing, signal: controller.signal });
    await expect(verifyBackup(context, await project.find(id))).resolves.toMatchObject({ outcome: "verified" });
    await rm(join(project.vault, "evidence"), { recursive: true });
    await expect(verifyBackup(context, await project.find(id, context))).rejects.toMatchObject({ name: "Interrupted" });
    expect(await project.filesOf("evidence")).toEqual([]);
  });
});

describe("a vault that cannot be written to", () => {
  test("is still restored from, also what was never verified", async () => {
    const id = await project.back({ verify: false });
    const warnings: string[] = [];
    const context = await project.open({ wrapStore: readOnly, warnings });
    const to = join(project.directory, "restored");
    const restored = await restoreBackup(context, await project.find(id, context), { to, overwrite: false, allowDamaged: false });
    expect(restored.comparison.equal).toBe(true);
    expect(await readFile(join(to, "file"), "utf8")).toBe("content");
    expect(warnings.join("\n")).toMatch(/could not be recorded/);
  });

  test("does not hide damage that is found, nor make an unrecorded finding count", async () => {
    const id = await project.back({ verify: false });
    const context = await project.open({ wrapStore: readOnly });
    const sound = await verifyBackup(context, await project.find(id, context));
    expect(sound).toMatchObject({ outcome: "verified", unrecorded: { name: "StoreAccessDenied" } });
    const tested = await restoreTest(context, await project.find(id, context));
    expect(tested).toMatchObject({ outcome: "proven", unrecorded: { name: "StoreAccessDenied" } });
    await appendFile(artifactOf(id, partOf(id)), "x");
    const damaged = await verifyBackup(context, await project.find(id, context));
    expect(damaged).toMatchObject({ outcome: "damaged", unrecorded: { name: "StoreAccessDenied" } });
  });
});

describe("keys", () => {
  test("a backup is opened by whatever key of the policy sealed it, in whichever entry that stands now", async () => {
    const id = await project.back({ verify: false });
    await cp(join(project.directory, "main.key"), join(project.directory, "old.key"));
    const { createKeyFile } = await import("../../src/sealing/key-file.ts");
    await rm(join(project.directory, "main.key"));
    await createKeyFile(join(project.directory, "main.key"), { randomBytes: (count) => Buffer.alloc(count, 9), now: new Date(0) });
    await project.writePolicy(
      "version: 1\nvaults: { main: folder:vault }\nkeys: { main: file:main.key, old: file:old.key }\nsources:\n" +
        "  tree: { engine: files, path: tree, key: main, retention: { keepLast: 1 } }\n",
    );
    expect((await verifyBackup(await project.open(), await project.find(id))).outcome).toBe("verified");
  });

  test("of a source that the policy names no more are found in any entry", async () => {
    const id = await project.back({ verify: false });
    await rename(join(project.directory, "main.key"), join(project.directory, "old.key"));
    const { createKeyFile } = await import("../../src/sealing/key-file.ts");
    await createKeyFile(join(project.directory, "main.key"), { randomBytes: (count) => Buffer.alloc(count, 9), now: new Date(0) });
    await project.writePolicy(
      "version: 1\nvaults: { main: folder:vault }\nkeys: { main: file:main.key, old: file:old.key }\nsources:\n" +
        "  other: { engine: files, path: tree, key: main, retention: { keepLast: 1 } }\n",
    );
    expect((await verifyBackup(await project.open(), await project.find("tree@latest"))).outcome).toBe("verified");
    expect((await project.find(id)).entry.source).toBe("tree");
  });
});
