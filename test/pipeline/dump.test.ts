/**
 * A commit whose outcome is unclear never costs a backup its artifacts, and a vault that appears is
 * said aloud.
 */
import { rm } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { dumpSource } from "../../src/pipeline/dump.ts";
import { runBackup } from "../../src/pipeline/run-backup.ts";
import { verifyBackup } from "../../src/pipeline/verify.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { createFilesProject, type FilesProject } from "../support/files-project.ts";

let project: FilesProject;

beforeEach(async () => {
  project = await createFilesProject();
});

afterEach(() => project[Symbol.asyncDispose]());

const request = { source: "tree", kind: "full" } as const;

/** Fails right after the manifest was written, with whatever the store makes of that. */
function failAfterCommit(error: HoldfastError): (store: ObjectStore) => ObjectStore {
  return (store) => ({
    ...store,
    async put(key, body, options) {
      const put = await store.put(key, body, options);
      if (key.startsWith("manifests/")) throw error;
      return put;
    },
  });
}

test.each([
  ["the answer is lost", "StoreUnavailable"],
  ["the disk fills up while the directory is synced", "DiskFull"],
  ["the run is interrupted", "Interrupted"],
  ["the directory may not be synced", "StoreAccessDenied"],
] as const)("a backup whose manifest was written keeps its artifacts when %s", async (_name, errorName) => {
  const context = await project.open({ wrapStore: failAfterCommit(new HoldfastError(errorName, "after the commit")) });
  await expect(dumpSource(context, request)).rejects.toMatchObject({ name: errorName });
  const verified = await verifyBackup(await project.open(), await project.find("tree@latest"));
  expect(verified.outcome).toBe("verified");
});

test("a backup that was not committed leaves no artifact", async () => {
  const failing = (store: ObjectStore): ObjectStore => ({
    ...store,
    async put(key, body, options) {
      if (key.startsWith("manifests/")) throw new HoldfastError("DiskFull", "no space left");
      return store.put(key, body, options);
    },
  });
  await expect(dumpSource(await project.open({ wrapStore: failing }), request)).rejects.toMatchObject({ name: "DiskFull" });
  expect([...(await project.filesOf("artifacts")), ...(await project.filesOf("manifests"))]).toEqual([]);
});

test.each([
  ["the first artifact", "artifacts/", false],
  ["the manifest", "manifests/", true],
])("a store that is gone from %s on may have committed the backup only when the manifest was sent", async (_, room, maybe) => {
  const warnings: string[] = [];
  let gone = false;
  const lost = (): never => {
    throw new HoldfastError("StoreUnavailable", "no answer");
  };
  const vanishing = (store: ObjectStore): ObjectStore => ({
    ...store,
    async put(key, body, options) {
      gone ||= key.startsWith(room);
      return gone ? lost() : store.put(key, body, options);
    },
    head: async (key) => (gone ? lost() : store.head(key)),
    list: (prefix, options) => (gone ? lost() : store.list(prefix, options)),
  });
  await expect(dumpSource(await project.open({ wrapStore: vanishing, warnings }), request)).rejects.toThrow("no answer");
  expect(warnings.some((warning) => warning.includes("may have been committed"))).toBe(maybe);
});

test("backups made as fast as can be still sort by time, and @latest names the last", async () => {
  const made: string[] = [];
  for (let count = 0; count < 3; count += 1) made.push((await dumpSource(await project.open(), request)).backupId);
  expect(made.toSorted()).toEqual(made);
  expect(new Set(made.map((id) => id.slice(0, 16))).size).toBe(3);
  expect((await project.find("tree@latest")).entry.id).toBe(made.at(-1));
});

test("an interruption that comes before the commit commits nothing, and one that comes in it lets it end", async () => {
  const controller = new AbortController();
  const interrupted = new HoldfastError("Interrupted", "the operation was interrupted by SIGTERM");
  const interrupting = (store: ObjectStore): ObjectStore => ({
    ...store,
    async put(key, body, options) {
      if (key.startsWith("manifests/")) controller.abort(interrupted);
      return store.put(key, body, options);
    },
  });
  const context = await project.open({ wrapStore: interrupting, signal: controller.signal });
  const { backupId } = await dumpSource(context, request);
  expect((await verifyBackup(await project.open(), await project.find(backupId))).outcome).toBe("verified");
});

test("a vault that is made is said at once, also when the run then fails", async () => {
  await rm(`${project.directory}/tree`, { recursive: true });
  const warnings: string[] = [];
  await expect(dumpSource(await project.open({ warnings }), request)).rejects.toMatchObject({ name: /^Source/ });
  expect(warnings.join("\n")).toMatch(/contains no vault yet, so a new one is created.*mounted/);
  const later: string[] = [];
  await expect(dumpSource(await project.open({ warnings: later }), request)).rejects.toThrow();
  expect(later).toEqual([]);
});

test("a vault that lost its holdfast.json is not called new", async () => {
  await dumpSource(await project.open(), request);
  await rm(`${project.directory}/vault/holdfast.json`);
  const warnings: string[] = [];
  await expect(dumpSource(await project.open({ warnings }), request)).rejects.toMatchObject({ name: "VaultDamaged" });
  expect(warnings).toEqual([]);
});

test("a backup that stands is told of, whatever fails after it", async () => {
  let leases = 0;
  const held = (store: ObjectStore): ObjectStore => ({
    ...store,
    async put(key, body, options) {
      // The dump takes and releases the lease; when the prune asks for it, another run is at it.
      if (key === "leases/writing/tree/backup.json") leases += 1;
      if (leases > 2) throw new HoldfastError("LeaseHeld", "in use by another");
      return store.put(key, body, options);
    },
  });
  const pruning = await runBackup(await project.open({ wrapStore: held }), { ...request, verify: true, prune: true });
  expect(pruning.verification).toMatchObject({ outcome: "verified" });
  expect(pruning.failure).toMatchObject({ step: "prune", error: { name: "LeaseHeld" } });

  const unreadable = (store: ObjectStore): ObjectStore => ({
    ...store,
    async get(key, options) {
      if (key.startsWith("artifacts/")) throw new HoldfastError("StoreUnavailable", "no answer");
      return store.get(key, options);
    },
  });
  const verifying = await runBackup(await project.open({ wrapStore: unreadable }), { ...request, verify: true, prune: true });
  expect(verifying.failure).toMatchObject({ step: "verify", error: { name: "StoreUnavailable" } });
  expect((await project.find(verifying.dump.backupId)).entry.state).toBe("stored");
});
