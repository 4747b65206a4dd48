/** What locks mean to a prune: it keeps what is locked, extends the locks of what retention keeps, and stops where others deleted. */
import type { SourceConfig } from "../policy/policy.ts";
import type { RetentionBackup, RetentionPlan } from "../retention/plan-retention.ts";
import { promiseLocks } from "../retention/promise-locks.ts";
import type { Refusal } from "../retention/refusals.ts";
import { extendBackupLock, findBackupLock, holdBackup } from "../vault/backup-lock.ts";
import { keyOf, parseDocumentKey } from "../vault/layout.ts";
import type { ObjectStore } from "../vault/object-store.ts";
import type { PipelineContext } from "./pipeline-context.ts";

/** Requests on their way at once: a prune looks at what it releases and at what it keeps, some requests for each. */
const concurrency = 8;
/** Backups named one by one in a refusal. */
const mostNamed = 10;

/**
 * Plans again and again with the locks of what would be released, until everything released is known to be free. Asks the store about released
 * backups alone. Where the vault does not lock, `plan` is called once. Errors: those of ObjectStore.
 */
export async function planAmongLocks(
  store: ObjectStore,
  source: string,
  gathered: readonly RetentionBackup[],
  plan: (backups: readonly RetentionBackup[]) => RetentionPlan,
): Promise<{ readonly backups: readonly RetentionBackup[]; readonly plan: RetentionPlan }> {
  const known = new Map<string, number | undefined>();
  let backups = gathered;
  for (;;) {
    const planned = plan(backups);
    const unknown = store.locks ? planned.released.filter((id) => !known.has(id)) : [];
    if (unknown.length === 0) return { backups, plan: planned };
    await forEach(unknown, async (id) => {
      const lock = await findBackupLock(store, source, id);
      known.set(id, lock?.held === true ? Number.POSITIVE_INFINITY : lock?.until?.getTime());
    });
    backups = gathered.map((backup) => {
      const lockedUntilMs = known.get(backup.id);
      return lockedUntilMs === undefined ? backup : { ...backup, lockedUntilMs };
    });
  }
}

/**
 * Makes the locks of kept backups last as long as retention promises to keep them, and puts what is held under the store's legal hold where that was
 * missed. One look a backup that is promised a time, and writes only where its lock is shorter than the promise. Resolves with the ids whose
 * lock was extended. Errors: those of ObjectStore.
 */
export async function keepPromises(
  context: PipelineContext,
  store: ObjectStore,
  source: SourceConfig,
  backups: readonly RetentionBackup[],
  plan: RetentionPlan,
): Promise<readonly string[]> {
  if (!store.locks) return [];
  const { run, policy } = context;
  const promises = promiseLocks(backups, plan, source.retention, { now: run.clock.now(), timezone: policy.timezone });
  const extended: string[] = [];
  await forEach([...promises], async ([id, until]) => {
    run.signal.throwIfAborted();
    if (await extendBackupLock(store, source.name, id, until)) extended.push(id);
  });
  for (const { id, held } of backups) {
    if (held && (await store.head(keyOf.manifest(source.name, id)))?.lock?.held !== true)
      await holdBackup(store, source.name, id, true);
  }
  return extended.sort();
}

/** The refusal to prune where others deleted or wrote over manifests that the store still has; the plan was made without what they say. */
export async function refuseHidden(store: ObjectStore, source: string, plan: RetentionPlan): Promise<RetentionPlan> {
  if (!store.locks) return plan;
  const hidden: string[] = [];
  for await (const { key, by, hiddenAt } of store.listHidden(`manifests/${source}/`)) {
    const id = parseDocumentKey(key)?.id;
    if (id !== undefined) hidden.push(`${id}, ${by === "deletion" ? "deleted" : "overwritten"} at ${hiddenAt.toISOString()}`);
  }
  if (hidden.length === 0) return plan;
  const more = hidden.length > mostNamed ? [`and ${hidden.length - mostNamed} more`] : [];
  const refusal: Refusal = {
    code: "backups-hidden",
    message: `${hidden.length === 1 ? "1 backup was" : `${hidden.length} backups were`} deleted or overwritten by other hands, and the bucket still has what was written`,
    details: [...hidden.slice(0, mostNamed), ...more, "bring them back as docs/immutability.md says, and find out who did it"],
  };
  return { ...plan, refusals: [refusal, ...plan.refusals], refusal };
}

async function forEach<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let first = 0; first < items.length; first += concurrency) {
    await Promise.all(items.slice(first, first + concurrency).map(work));
  }
}
