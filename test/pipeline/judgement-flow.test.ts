/**
 * What follows from a verdict: a drop stops pruning until a person accepts it, and a damaged backup
 * never counts.
 */
import { appendFile, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { acceptBackup } from "../../src/pipeline/accept.ts";
import { pruneSource } from "../../src/pipeline/prune.ts";
import { type BackupRunResult, runBackup } from "../../src/pipeline/run-backup.ts";
import { verifyBackup } from "../../src/pipeline/verify.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { createFilesProject, type FilesProject } from "../support/files-project.ts";

let project: FilesProject;

beforeEach(async () => {
  project = await createFilesProject();
});

afterEach(() => project[Symbol.asyncDispose]());

const run = async (minutesAgo: number, wrapStore?: (store: ObjectStore) => ObjectStore): Promise<BackupRunResult> => {
  const context = await project.open({ shiftMs: -minutesAgo * 60_000, ...(wrapStore === undefined ? {} : { wrapStore }) });
  return runBackup(context, { source: "tree", kind: "full", verify: true, prune: true });
};

async function fillTree(files: number): Promise<void> {
  const tree = join(project.directory, "tree");
  await rm(tree, { recursive: true });
  await mkdir(tree);
  for (let index = 0; index < files; index += 1) await writeFile(join(tree, `file ${index}`), "x".repeat(500));
}

test("a drop is suspicious and releases nothing until it is accepted; then it is the new measure", async () => {
  await fillTree(300);
  const full = await run(50);
  expect(full.verification?.outcome).toBe("verified");
  await fillTree(3);
  const dropped = await run(40);
  expect(dropped.verification?.outcome).toBe("suspicious");
  expect(dropped.failure).toMatchObject({ step: "prune", error: { name: "PruneRefused", message: /suspicious/ } });
  const again = await run(30);
  expect(again.verification?.outcome).toBe("suspicious");

  const context = await project.open({ shiftMs: -25 * 60_000 });
  await expect(acceptBackup(context, await project.find(full.dump.backupId), "why")).rejects.toMatchObject({
    name: "UsageInvalid",
  });
  await acceptBackup(context, await project.find(again.dump.backupId), "the archive was moved away");
  expect((await verifyBackup(context, await project.find(again.dump.backupId))).outcome).toBe("verified");
  const next = await run(20);
  expect(next.verification?.outcome).toBe("verified");
  expect(next.prune?.deleted).toContain(full.dump.backupId);
});

test("a first backup that fails its verification is damaged, releases nothing, and is no measure for the next", async () => {
  const flipping = (store: ObjectStore): ObjectStore => ({
    ...store,
    async put(key, body, options) {
      const put = await store.put(key, body, options);
      if (key.endsWith("-00001.tar")) await appendFile(join(project.vault, key), "x");
      return put;
    },
  });
  const first = await run(50, flipping);
  expect(first.verification?.outcome).toBe("damaged");
  expect(first.prune).toBeUndefined();
  await expect(pruneSource(await project.open(), "tree")).rejects.toMatchObject({ name: "PruneRefused" });
  const second = await run(40);
  expect(second).toMatchObject({ verification: { outcome: "verified" }, prune: { deleted: [] } });
});

test("the same source in two vaults: each is what its own vault says, and a whole id finds its copy anywhere", async () => {
  const old = await project.back({ minutesAgo: 60 });
  await rename(project.vault, join(project.directory, "vault-old"));
  await project.writePolicy(
    "version: 1\nvaults: { old: folder:vault-old, main: folder:vault }\nkeys: { main: file:main.key }\nsources:\n" +
      "  tree: { engine: files, path: tree, vault: main, retention: { keepLast: 1, maxRemoval: 100%, minAge: none } }\n",
  );
  const { dump, prune } = await run(0);
  expect(prune?.deleted).toEqual([]);
  expect(await project.find("tree@latest")).toMatchObject({ entry: { id: dump.backupId }, vault: { name: "main" } });
  expect(await project.find(old)).toMatchObject({ entry: { id: old }, vault: { name: "old" } });
  expect((await verifyBackup(await project.open(), await project.find(old))).outcome).toBe("verified");
});

test("a lease that is lost in the middle commits nothing and leaves nothing", async () => {
  const stealing = (store: ObjectStore): ObjectStore => ({
    ...store,
    async put(key, body, options) {
      const put = await store.put(key, body, options);
      // Another machine takes the lease while the archive is stored.
      if (key.endsWith("-00001.tar"))
        await writeFile(join(project.vault, "leases", "writing", "tree", "backup.json"), await stolenLease());
      return put;
    },
  });
  await expect(run(0, stealing)).rejects.toMatchObject({ name: "LeaseLost", exitCode: 1 } satisfies Partial<HoldfastError>);
  expect([...(await project.filesOf("manifests")), ...(await project.filesOf("artifacts"))]).toEqual([]);
});

async function stolenLease(): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  const lease = JSON.parse(await readFile(join(project.vault, "leases", "writing", "tree", "backup.json"), "utf8"));
  return JSON.stringify({ ...lease, token: "another", holder: "other:1", fencing: lease.fencing + 1 });
}
