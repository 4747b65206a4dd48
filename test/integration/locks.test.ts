/**
 * The vault on AWS: what is locked at its write, made to last longer by a prune, held, hidden by
 * others, and deleted only when it may be.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  PutObjectRetentionCommand,
  RestoreObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { findInVaults } from "../../src/pipeline/catalogue/find-backups.ts";
import { checkPolicy } from "../../src/pipeline/check.ts";
import { dumpSource } from "../../src/pipeline/dump.ts";
import { listDueBackups } from "../../src/pipeline/list-due.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { planPrune, pruneSource } from "../../src/pipeline/prune.ts";
import { planRestore, restoreBackup } from "../../src/pipeline/restore.ts";
import { undeleteVault } from "../../src/pipeline/undelete.ts";
import { verifyBackup } from "../../src/pipeline/verify.ts";
import { createKeyFile } from "../../src/sealing/key-file.ts";
import { addHold, listHolds, removeHold } from "../../src/vault/documents/holds.ts";
import { startMiniStack } from "../support/ministack.ts";
import { openPipeline, shiftedClock } from "../support/pipeline.ts";
import { useTestCredentials } from "../support/s3-server.ts";
import { toList } from "../support/streams.ts";

let server: Awaited<ReturnType<typeof startMiniStack>>;
let client: S3Client;
let directory: string;
let bucket: string;

beforeAll(async () => {
  useTestCredentials();
  server = await startMiniStack();
  client = new S3Client({ endpoint: server.endpoint, region: "us-east-1", forcePathStyle: true });
});
afterAll(async () => {
  client?.destroy();
  await server?.stop();
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const dayMs = 86_400_000;
let count = 0;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "holdfast-locks-"));
  await mkdir(join(directory, "tree"));
  await writeFile(join(directory, "tree", "file"), "content");
  await createKeyFile(join(directory, "main.key"), { randomBytes: (bytes) => Buffer.alloc(bytes, 7), now: new Date(0) });
  count += 1;
  bucket = `acme-backups-${count}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: true }));
  await client.send(new CreateBucketCommand({ Bucket: `${bucket}-state` }));
});

/** The pipeline on the locked bucket, so many days later. */
async function open(retention: string, { days = 0, mode = "governance", tiers = "", locks = true } = {}): Promise<PipelineContext> {
  const policyFile = join(directory, "holdfast.yml");
  await writeFile(
    policyFile,
    `version: 1
vaults:
  main:
    { type: s3, bucket: ${bucket}, endpoint: "${server.endpoint}", pathStyle: true, region: us-east-1,
      ${locks ? `lock: { mode: ${mode} }, ` : ""}state: s3://${bucket}-state${tiers} }
keys: { main: file:main.key }
sources:
  tree: { engine: files, path: tree, retention: { maxRemoval: 100%, minAge: none, ${retention} } }
`,
  );
  return openPipeline({ policyFile, env: process.env, clock: shiftedClock(days * dayMs) });
}

async function back(context: PipelineContext): Promise<string> {
  const { backupId } = await dumpSource(context, { source: "tree", kind: "full" });
  expect((await verifyBackup(context, await findInVaults(context, backupId))).outcome).toBe("verified");
  return backupId;
}

/** All versions below a prefix, markers included. */
async function versionsOf(prefix: string) {
  const { Versions = [], DeleteMarkers = [] } = await client.send(
    new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix }),
  );
  return [...Versions.map((each) => ({ ...each, marker: false })), ...DeleteMarkers.map((each) => ({ ...each, marker: true }))];
}

/** Every object of a backup with its lock. */
async function locksOf(id: string) {
  const keys = (await Promise.all(["artifacts", "evidence", "manifests"].map((room) => versionsOf(`${room}/tree/${id}`)))).flatMap(
    (versions) => versions.map(({ Key = "" }) => Key),
  );
  return Promise.all(
    keys.map(async (Key) => {
      const head = await client.send(new HeadObjectCommand({ Bucket: bucket, Key }));
      return {
        key: Key,
        mode: head.ObjectLockMode,
        untilMs: head.ObjectLockRetainUntilDate?.getTime() ?? 0,
        held: head.ObjectLockLegalHoldStatus === "ON",
      };
    }),
  );
}

const startOf = (id: string): number => Date.parse(id.slice(0, 16).replace(/(....)(..)(..)T(..)(..)(..)/, "$1-$2-$3T$4:$5:$6"));

describe.each(["governance", "compliance"])("a vault that locks (%s)", (mode) => {
  test("locks every object at its write for the shortest time its kind is kept, and nothing else", async () => {
    const context = await open("daily: 30, monthly: 12", { mode });
    const id = await back(context);
    const locks = await locksOf(id);
    expect([...new Set(locks.map(({ key }) => key.split("/")[0]))].sort()).toEqual(["artifacts", "evidence", "manifests"]);
    for (const { mode: found, untilMs } of locks) {
      expect(found).toBe(mode.toUpperCase());
      expect(Math.abs(untilMs - (startOf(id) + 30 * dayMs))).toBeLessThan(2_000);
    }
    // Leases and read marks are in the state bucket alone: a locked lease could not be given back.
    expect(await versionsOf("leases/")).toEqual([]);
  });

  test("cannot be emptied, or unlocked early, by anyone without the right to bypass it", async () => {
    const id = await back(await open("daily: 30", { mode }));
    const [version] = await versionsOf(`artifacts/tree/${id}`);
    const object = { Bucket: bucket, Key: version?.Key ?? "", VersionId: version?.VersionId };
    await expect(client.send(new DeleteObjectCommand(object))).rejects.toMatchObject({ name: "AccessDenied" });
    const Retention = { Mode: mode.toUpperCase() as "GOVERNANCE", RetainUntilDate: new Date(Date.now() + dayMs) };
    await expect(client.send(new PutObjectRetentionCommand({ ...object, Retention }))).rejects.toMatchObject({
      name: "AccessDenied",
    });
  });
});

test("a prune makes the locks of what is kept longer last longer, and never shortens one", async () => {
  const rules = "daily: 7, weekly: 8";
  const id = await back(await open(rules));
  const later = await open(rules, { days: 8 });
  await back(later);
  expect((await pruneSource(later, "tree")).locksExtended).toContain(id);
  const extended = await locksOf(id);
  for (const { untilMs } of extended) expect(untilMs).toBeGreaterThan(startOf(id) + 40 * dayMs);
  expect((await pruneSource(later, "tree")).locksExtended).toEqual([]);
  // A policy that keeps less takes nothing back of what was promised.
  await pruneSource(await open("daily: 7", { days: 8 }), "tree");
  expect(await locksOf(id)).toEqual(extended);
});

test("what retention releases while it is locked stays, and the plan says until when", async () => {
  const first = await back(await open("daily: 30"));
  const shorter = await open("keepWithin: 1h", { days: 2 });
  await back(shorter);
  const plan = await planPrune(shorter, "tree");
  expect(plan.decisions.find(({ id }) => id === first)).toMatchObject({
    kept: true,
    reasons: [expect.stringMatching(/^locked until \d{4}-/)],
  });
  expect((await pruneSource(shorter, "tree")).deleted).toEqual([]);
  expect((await verifyBackup(shorter, await findInVaults(shorter, first))).outcome).toBe("verified");
});

test("what is neither kept nor locked any more goes with every version and marker of it", async () => {
  // Begun 55 seconds ago and kept for a minute: its lock ends in five seconds.
  const id = await back(await open("keepWithin: 1m", { days: -55_000 / dayMs }));
  const context = await open("keepWithin: 1m");
  await new Promise((resolve) => setTimeout(resolve, 7_000));
  const newest = await back(context);
  expect((await pruneSource(context, "tree")).deleted).toEqual([id]);
  for (const room of ["artifacts", "evidence", "manifests"]) expect(await versionsOf(`${room}/tree/${id}`)).toEqual([]);
  expect((await versionsOf("manifests/")).map(({ Key }) => Key)).toEqual([`manifests/tree/${newest}.json`]);
});

test("a hold is the store's legal hold on every object, and ends with it", async () => {
  const context = await open("daily: 7");
  const id = await back(context);
  const at = context.run.clock.now().toISOString();
  await addHold(
    await context.vaultOf("main"),
    { formatVersion: 2, source: "tree", backupId: id, by: "legal", reason: "case 12", at },
    await context.signerOf("tree"),
  );
  expect((await locksOf(id)).filter(({ held }) => !held)).toEqual([]);
  await removeHold(await context.vaultOf("main"), "tree", id);
  expect((await locksOf(id)).filter(({ held }) => held)).toEqual([]);
});

test("the record of a hold is under the store's legal hold: deleting it hides it, and it holds all the same", async () => {
  const context = await open("keepWithin: 1m", { days: -55_000 / dayMs });
  const id = await back(context);
  const store = await context.storeOf("main");
  const at = context.run.clock.now().toISOString();
  const keyNow = async () => (await toList(store.list(`holds/tree/${id}`)))[0]?.key ?? "";
  await addHold(
    await context.vaultOf("main"),
    { formatVersion: 2, source: "tree", backupId: id, by: "legal", reason: "case 12", at },
    await context.signerOf("tree"),
  );
  const key = await keyNow();
  expect((await store.head(key))?.lock?.held).toBe(true);
  const [version] = await versionsOf(key);
  await expect(client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId: version?.VersionId }))).rejects.toThrow();
  const later = await open("keepWithin: 1m");
  await new Promise((resolve) => setTimeout(resolve, 7_000));
  await back(later);
  await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
  expect((await planPrune(later, "tree")).decisions.find((decision) => decision.id === id)).toMatchObject({ kept: true });
  expect((await pruneSource(later, "tree")).deleted).toEqual([]);
  const checked = await checkPolicy(later, Object.values(later.policy.sources));
  expect(checked.find(({ subject }) => subject === "deleted holds")).toMatchObject({ message: expect.stringContaining(id) });
  expect(await toList(listHolds(await context.vaultOf("main")))).toMatchObject([
    { backupId: id, problem: expect.stringMatching(/outside Holdfast/) },
  ]);
  // Whoever may lift it lifts all of it; then retention applies again.
  await removeHold(await context.vaultOf("main"), "tree", id);
  expect(await versionsOf(key)).toEqual([]);
  expect((await pruneSource(later, "tree")).deleted).toEqual([id]);
});

test("a hold that was deleted in a bucket with versions and without a lock holds as before, and is reported", async () => {
  const context = await open("keepLast: 1", { locks: false });
  const id = await back(context);
  const store = await context.storeOf("main");
  const at = context.run.clock.now().toISOString();
  await addHold(
    await context.vaultOf("main"),
    { formatVersion: 2, source: "tree", backupId: id, by: "legal", reason: "case 12", at },
    await context.signerOf("tree"),
  );
  const later = await open("keepLast: 1", { days: 3, locks: false });
  await back(later);
  const [held] = await toList(store.list(`holds/tree/${id}`));
  await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: held?.key }));
  expect((await pruneSource(later, "tree")).deleted).toEqual([]);
  const checked = await checkPolicy(later, Object.values(later.policy.sources));
  expect(checked.find(({ subject }) => subject === "deleted holds")).toMatchObject({ level: "error" });
  await removeHold(await context.vaultOf("main"), "tree", id);
  await expect(removeHold(await context.vaultOf("main"), "tree", id)).rejects.toMatchObject({ name: "BackupNotFound" });
  expect((await pruneSource(later, "tree")).deleted).toEqual([id]);
});

test("holdfast.json and RESTORE.md are locked at their write, and made to last by backups and prunes", async () => {
  const keys = ["holdfast.json", "RESTORE.md"];
  const endsOf = async (context: PipelineContext) => {
    const store = await context.storeOf("main");
    return Promise.all(
      keys.map(async (key) => Math.round(((await store.head(key))?.lock?.until?.getTime() ?? 0) - Date.now()) / dayMs),
    );
  };
  const first = await open("daily: 7");
  await back(first);
  for (const days of await endsOf(first)) expect(days).toBeCloseTo(30, 1);
  for (const Key of keys) {
    const [version] = await versionsOf(Key);
    await expect(client.send(new DeleteObjectCommand({ Bucket: bucket, Key, VersionId: version?.VersionId }))).rejects.toThrow();
  }
  await pruneSource(await open("daily: 7", { days: 5 }), "tree");
  for (const days of await endsOf(first)) expect(days).toBeCloseTo(30, 1);
  await pruneSource(await open("daily: 7", { days: 12 }), "tree");
  for (const days of await endsOf(first)) expect(days).toBeCloseTo(42, 1);
  await back(await open("daily: 7", { days: 40 }));
  for (const days of await endsOf(first)) expect(days).toBeCloseTo(70, 1);
  // A refused prune keeps the vault safe too; and a vault of before is locked by the next run.
  const lost = (await versionsOf("manifests/")).find(({ marker }) => !marker);
  await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: lost?.Key ?? "" }));
  await expect(pruneSource(await open("daily: 7", { days: 60 }), "tree")).rejects.toMatchObject({ name: "PruneRefused" });
  for (const days of await endsOf(first)) expect(days).toBeCloseTo(90, 1);
});

test("a backup that others deleted is noticed before anything is pruned, and can be brought back", async () => {
  const context = await open("daily: 7");
  const id = await back(context);
  await back(context);
  const Key = `manifests/tree/${id}.json`;
  await client.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
  await expect(pruneSource(context, "tree")).rejects.toMatchObject({
    name: "PruneRefused",
    details: expect.arrayContaining([expect.stringContaining(id)]),
  });
  const { verified } = await undeleteVault(context, "main", { dryRun: false, verify: true, pruned: false });
  expect(verified).toMatchObject([{ backupId: id, outcome: "verified" }]);
  expect((await locksOf(id)).find(({ key }) => key === Key)?.untilMs).toBeGreaterThan(Date.now());
  await pruneSource(context, "tree");
});

test("in a bucket with versions and without a lock, deletions by others are found, and no prune finishes them", async () => {
  const context = await open("keepLast: 1", { locks: false });
  const first = await back(context);
  const second = await back(await open("keepLast: 2", { days: 1, locks: false }));
  const findingOf = async () => {
    const checked = await open("keepLast: 1", { days: 5, locks: false });
    return (await checkPolicy(checked, Object.values(checked.policy.sources))).find(({ subject }) => subject === "deleted backups");
  };
  // A prune of its own leaves nothing that looks like another's work.
  expect((await pruneSource(await open("keepLast: 1", { days: 2, locks: false }), "tree")).deleted).toEqual([first]);
  expect(await versionsOf(`manifests/tree/${first}`)).toEqual([]);
  expect(await findingOf()).toMatchObject({ level: "ok" });
  await back(await open("keepLast: 2", { days: 2, locks: false }));
  const artifacts = (await versionsOf("artifacts/tree/")).length;
  // Plain deletes, as a stolen key or a wrong script would do them.
  for (const room of ["manifests", "evidence"]) {
    for (const { Key = "" } of await versionsOf(`${room}/tree/${second}`)) {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
    }
  }
  for (const days of [2, 5, 400]) {
    await expect(pruneSource(await open("keepLast: 1", { days, locks: false }), "tree")).rejects.toMatchObject({
      name: "PruneRefused",
      details: expect.arrayContaining([expect.stringContaining(second)]),
    });
  }
  expect((await versionsOf("artifacts/tree/")).length).toBe(artifacts);
  expect(await findingOf()).toMatchObject({
    level: "error",
    message: expect.stringContaining("2 objects of backups were deleted"),
  });
});

test("what others overwrote is found, reported, and can be brought back", async () => {
  const context = await open("daily: 7");
  const id = await back(context);
  await back(context);
  const manifest = `manifests/tree/${id}.json`;
  const artifact = (await versionsOf(`artifacts/tree/${id}`)).find(({ Key: key }) => key?.endsWith(".tar"))?.Key ?? "";
  for (const Key of [manifest, artifact]) {
    await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: "encrypted by somebody else" }));
  }
  await expect(pruneSource(context, "tree")).rejects.toMatchObject({
    name: "PruneRefused",
    details: expect.arrayContaining([expect.stringContaining(`${id}, overwritten at`)]),
  });
  const findings = await checkPolicy(context, Object.values(context.policy.sources));
  expect(findings.find(({ subject }) => subject === "deleted backups")).toMatchObject({
    level: "error",
    message: expect.stringContaining("0 objects of backups were deleted and 2 overwritten outside Holdfast"),
  });
  expect(await verifyBackup(context, await findInVaults(context, id)).catch(({ name }) => name)).not.toMatchObject({
    outcome: "verified",
  });
  // One can be removed; the other is locked by who wrote it, and is copied over.
  const Retention = { Mode: "COMPLIANCE" as const, RetainUntilDate: new Date(Date.now() + dayMs) };
  await client.send(new PutObjectRetentionCommand({ Bucket: bucket, Key: artifact, Retention }));
  await undeleteVault(context, "main", { dryRun: false, verify: true, pruned: false });
  expect((await versionsOf(manifest)).length).toBe(1);
  expect((await versionsOf(artifact)).length).toBe(3);
  const locked = (await locksOf(id)).filter(({ untilMs }) => untilMs > Date.now() + 2 * dayMs).map(({ key }) => key);
  expect(locked).toEqual(expect.arrayContaining([manifest, artifact]));
  await pruneSource(context, "tree");
  expect((await verifyBackup(context, await findInVaults(context, id))).outcome).toBe("verified");
});

test("artifacts carry the tag that the lifecycle rules go by, and nothing else does, neither the manifest's seal nor the digest key", async () => {
  const context = await open("daily: 7", { tiers: ", tiers: { archive: 365d }" });
  const id = await back(context);
  for (const { key } of await locksOf(id)) {
    const { TagSet = [] } = await client.send(new GetObjectTaggingCommand({ Bucket: bucket, Key: key }));
    const isArtifact = key.startsWith("artifacts/") && !/\/(?:manifest|digest-key)$/.test(key);
    expect(TagSet).toEqual(isArtifact ? [{ Key: "holdfast", Value: "artifact" }] : []);
  }
});

test("a backup in the archive says how long it takes to bring back, and is no damaged one", async () => {
  const context = await open("daily: 7", { tiers: ", tiers: { archive: 1d }" });
  const id = await back(context);
  const Key = (await versionsOf(`artifacts/tree/${id}`)).find(({ Key: key }) => key?.endsWith(".tar"))?.Key ?? "";
  expect(Key).not.toBe("");
  // What the lifecycle rule does a day later.
  const CopySource = `${bucket}/${Key}`;
  await client.send(new CopyObjectCommand({ Bucket: bucket, Key, CopySource, StorageClass: "DEEP_ARCHIVE" }));
  const found = await findInVaults(context, id);
  const options = { to: join(directory, "restored"), overwrite: false, allowDamaged: false };
  expect((await planRestore(context, found, options)).steps[0]).toMatch(/^wait until 1 object .* DEEP_ARCHIVE: up to 12 hours/);
  for (const reading of [verifyBackup(context, found), restoreBackup(context, found, options)]) {
    await expect(reading).rejects.toMatchObject({ name: "ArtifactArchived", message: expect.stringContaining("12 hours") });
  }
  expect((await findInVaults(context, id)).entry.state).toBe("verified");
  const later = await open("daily: 7", { tiers: ", tiers: { archive: 1d }", days: 1.1 });
  expect(await listDueBackups(later, [], 3_600)).toEqual([]);
  await client.send(new RestoreObjectCommand({ Bucket: bucket, Key, RestoreRequest: { Days: 1 } }));
  expect((await planRestore(context, found, options)).steps[0]).toMatch(/which was asked for/);
});

test("check says what the bucket lacks", async () => {
  const context = await open("daily: 7");
  const { sources } = context.policy;
  const found = await checkPolicy(context, Object.values(sources));
  expect(found.find(({ subject }) => subject === "lock")).toMatchObject({ level: "ok" });
  expect(found.find(({ subject }) => subject === "versioning")).toMatchObject({ level: "ok" });
  bucket = `${bucket}-plain`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  await client.send(new CreateBucketCommand({ Bucket: `${bucket}-state` }));
  const plain = await open("daily: 7");
  const missing = await checkPolicy(plain, Object.values(plain.policy.sources));
  expect(missing.find(({ subject }) => subject === "lock")).toMatchObject({ level: "error", remedy: expect.any(String) });
});
