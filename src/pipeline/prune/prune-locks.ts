/**
 * What locks mean to a prune: it keeps what is locked, and extends the locks of what retention
 * keeps.
 */
import type { SourceConfig } from "../../policy/policy.ts";
import type { RetentionBackup, RetentionPlan } from "../../retention/plan-retention.ts";
import { promiseLocks } from "../../retention/promise-locks.ts";
import { mapInBatches } from "../../runtime/map-in-batches.ts";
import { extendBackupLock, findBackupLock, holdBackup } from "../../vault/backup-lock.ts";
import { lockHolds } from "../../vault/documents/holds.ts";
import { keyOf } from "../../vault/layout.ts";
import type { ObjectStore } from "../../vault/object-store.ts";
import type { SignedVault } from "../../vault/vault.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import type { ReusedArtifacts } from "./reused-artifacts.ts";

/**
 * Plans again and again with the locks of what would be released, until everything released is
 * known to be free. Asks the store about released backups alone. Where the vault does not lock,
 * `plan` is called once. Errors: those of ObjectStore.
 */
export async function planAmongLocks(
  store: ObjectStore,
  source: string,
  gathered: readonly RetentionBackup[],
  plan: (backups: readonly RetentionBackup[]) => RetentionPlan,
  readReused: () => Promise<Pick<ReusedArtifacts, "isNamed">>,
): Promise<{ readonly backups: readonly RetentionBackup[]; readonly plan: RetentionPlan }> {
  const known = new Map<string, number | undefined>();
  let backups = gathered;
  for (;;) {
    const planned = plan(backups);
    const unknown = store.locks !== undefined ? planned.released.filter((id) => !known.has(id)) : [];
    if (unknown.length === 0) return { backups, plan: planned };
    const { isNamed } = await readReused();
    await mapInBatches(unknown, async (id) => {
      const lock = await findBackupLock(store, source, id, isNamed);
      known.set(id, lock?.held === true ? Number.POSITIVE_INFINITY : lock?.until?.getTime());
    });
    backups = gathered.map((backup) => {
      const lockedUntilMs = known.get(backup.id);
      return lockedUntilMs === undefined ? backup : { ...backup, lockedUntilMs };
    });
  }
}

/**
 * Makes the locks of kept backups last as long as retention promises to keep them, and puts what is
 * held under the store's legal hold where that was missed. One look a backup that is promised a
 * time, and writes only where its lock is shorter than the promise. Resolves with the ids whose
 * lock was extended. Errors: those of ObjectStore.
 */
export async function keepPromises(
  context: PipelineContext,
  vault: SignedVault,
  source: SourceConfig,
  backups: readonly RetentionBackup[],
  plan: RetentionPlan,
): Promise<readonly string[]> {
  const { store } = vault;
  if (store.locks === undefined) return [];
  const { run, policy } = context;
  const promises = promiseLocks(backups, plan, source.retention, { now: run.clock.now(), timezone: policy.timezone });
  const extended: string[] = [];
  const extend = async ([id, until]: [string, Date]) => {
    if (await extendBackupLock(vault, source.name, id, until)) extended.push(id);
  };
  await mapInBatches([...promises], extend, run.signal);
  for (const { id, held } of backups) {
    if (!held) continue;
    if ((await store.head(keyOf.manifest(source.name, id)))?.lock?.held !== true) await holdBackup(vault, source.name, id, true);
    await lockHolds(vault, source.name, id, true);
  }
  return extended.sort();
}
