/**
 * The step that deletes what retention releases. Order of deletes (docs/vault-format.md): the manifest first, so that a run that dies leaves
 * no backup that names missing artifacts; dependants before what they depend on; leftovers are swept by the next run.
 */
import type { Retention } from "../policy/policy.ts";
import { assertPrunable, planRetention, type RetentionBackup, type RetentionPlan } from "../retention/plan-retention.ts";
import { type BackupEntry, listBackups } from "../vault/catalogue.ts";
import { keyOf } from "../vault/layout.ts";
import { readManifest, removeManifest } from "../vault/manifest.ts";
import type { ObjectStore } from "../vault/object-store.ts";
import { describeReader, listReadMarks } from "../vault/read-marks.ts";
import { readSmall } from "../vault/read-small.ts";
import { sweepOrphans } from "../vault/sweep.ts";
import { openVault } from "../vault/vault.ts";
import { type PipelineContext, requireSource } from "./pipeline-context.ts";
import { withSourceLease } from "./source-lease.ts";

export interface PruneResult {
  readonly source: string;
  readonly plan: RetentionPlan;
  /** Ids deleted by this run; empty on a dry run. */
  readonly deleted: readonly string[];
  /** Objects of dead runs that were collected. */
  readonly sweptObjects: number;
}

/**
 * How long an object that no manifest names is left alone. Longer than any dump can run: a day, as long as the longest Lambda-and-Fargate
 * chain is allowed to take.
 */
const orphanGraceSeconds = 86_400;

/** What retention would do to a source's backups. Reads keys only, and the manifests of backups that depend on others. */
export async function planPrune(context: PipelineContext, sourceName: string): Promise<RetentionPlan> {
  const source = requireSource(context.policy, sourceName);
  const store = await context.storeOf(source.vault);
  await openVault(store);
  return planFor(context, store, sourceName, source.retention);
}

/**
 * Deletes what retention releases, under the source's lease, and collects the leftovers of runs that died.
 * Errors: PruneRefused (nothing was deleted), LeaseHeld, LeaseLost, those of the store. A run that fails half-way is finished by the next.
 */
export async function pruneSource(context: PipelineContext, sourceName: string): Promise<PruneResult> {
  const source = requireSource(context.policy, sourceName);
  const store = await context.storeOf(source.vault);
  await openVault(store);
  return withSourceLease(context, store, sourceName, "prune", async (run, lease) => {
    const plan = await planFor(context, store, sourceName, source.retention);
    assertPrunable(plan);
    const deleted: string[] = [];
    for (const id of plan.released) {
      run.signal.throwIfAborted();
      await lease.assertHeld();
      if (await deleteBackup(context, store, sourceName, id)) deleted.push(id);
    }
    const swept = await sweepOrphans(store, sourceName, { now: run.clock.now(), graceSeconds: orphanGraceSeconds });
    return { source: sourceName, plan, deleted, sweptObjects: swept.length };
  });
}

async function planFor(context: PipelineContext, store: ObjectStore, source: string, retention: Retention): Promise<RetentionPlan> {
  const readers = await readersOf(context, store, source);
  const backups: RetentionBackup[] = [];
  for await (const entry of listBackups(store, { source, signal: context.run.signal })) {
    const readBy = readers.get(entry.id);
    backups.push({ ...(await describe(store, entry)), ...(readBy === undefined ? {} : { readBy }) });
  }
  return planRetention(backups, retention, { now: context.run.clock.now(), timezone: context.policy.timezone });
}

async function describe(store: ObjectStore, entry: BackupEntry): Promise<RetentionBackup> {
  const { id, kind, state, suspicious, held } = entry;
  const backup = { id, kind, startedAtMs: entry.startedAt.getTime(), state, suspicious, held };
  // Only these kinds depend on another backup; a full's manifest need not be read.
  if (kind === "full" || kind === "snapshot") return backup;
  return { ...backup, parent: (await readManifest(store, entry.source, id)).manifest.parent };
}

/** Who reads which backup now, in words. Marks of readers that died are collected on the way. */
async function readersOf(context: PipelineContext, store: ObjectStore, source: string): Promise<Map<string, string>> {
  const readers = new Map<string, string>();
  for await (const { key, id, until } of listReadMarks(store, source)) {
    if (until <= context.run.clock.now()) await store.delete(key);
    else readers.set(id, await describeReader(store, key));
  }
  return readers;
}

/**
 * Deletes one backup, and says whether it did: one that was put on hold, or that somebody began to read, since it was planned stays. The manifest
 * goes before the second look, because a reader marks before it reads the manifest (read-marks.ts).
 */
async function deleteBackup(context: PipelineContext, store: ObjectStore, source: string, id: string): Promise<boolean> {
  if (await isWanted(context, store, source, id)) return false;
  const key = keyOf.manifest(source, id);
  const { bytes } = await readSmall(store, key);
  await removeManifest(store, source, id);
  if (await isWanted(context, store, source, id)) {
    await store.put(key, bytes, { ifAbsent: true });
    return false;
  }
  for await (const object of store.list(keyOf.artifact(source, id, ""))) await store.delete(object.key);
  // Evidence goes last: while anything of the backup is left, it says what that was.
  for await (const object of store.list(keyOf.evidencePrefix(source, id))) await store.delete(object.key);
  return true;
}

async function isWanted(context: PipelineContext, store: ObjectStore, source: string, id: string): Promise<boolean> {
  if ((await store.head(keyOf.hold(source, id))) !== undefined) return true;
  for await (const { until } of listReadMarks(store, source, id)) {
    if (until > context.run.clock.now()) return true;
  }
  return false;
}
