/**
 * The step that deletes what retention releases. Order of deletes (docs/vault-format.md): the
 * manifest first, so that a run that dies leaves no backup that names missing artifacts; dependants
 * before what they depend on; leftovers are swept by the next run.
 */
import { assertPrunable, type RetentionBackup, type RetentionPlan } from "../retention/plan-retention.ts";
import type { RunContext } from "../runtime/run-context.ts";
import type { LeaseSet } from "../vault/lease-set.ts";
import { leaseStreams } from "../vault/lease-streams.ts";
import { describeDeletion, listRecentDeletions } from "../vault/list-deleted.ts";
import type { ListedObject } from "../vault/object-store.ts";
import { sweepOrphans } from "../vault/sweep.ts";
import { historyOf, listAnew, noteDeletions } from "./catalogue/source-history.ts";
import { keepDocumentsLocked } from "./keep-documents-locked.ts";
import { type PipelineContext, requireSource } from "./pipeline-context.ts";
import { type DeletionPlaces, deleteBackup, takeBackTombstones } from "./prune/delete-backup.ts";
import { findReaders } from "./prune/gather-backups.ts";
import { onceOf, planSource } from "./prune/plan-source.ts";
import { keepPromises } from "./prune/prune-locks.ts";
import { describeDoubt, type ReadReused, readReusedArtifacts } from "./prune/reused-artifacts.ts";
import { amendPlan, type Deletions, walkReleased } from "./prune/walk-released.ts";
import { withSourceLeases } from "./runs/source-lease.ts";

export interface PruneResult {
  readonly source: string;
  /** As it was carried out: what was held or read at the last moment is kept in it. */
  readonly plan: RetentionPlan;
  /** Ids deleted by this run; empty on a dry run. */
  readonly deleted: readonly string[];
  /** Ids whose lock was made to last as long as the plan promises to keep them. */
  readonly locksExtended: readonly string[];
  /** Objects of dead runs that were collected. */
  readonly sweptObjects: number;
}

/**
 * How long an object that no manifest names is left alone. Longer than any dump can run: a day, as
 * long as the longest Lambda-and-Fargate chain is allowed to take.
 */
const orphanGraceSeconds = 86_400;

/**
 * What a prune would do to a source's backups now. Reads keys only, the manifests of backups that
 * depend on others or reuse, of what is kept as good and of logs to be released, and the locks of
 * what it would release; writes nothing.
 */
export async function planPrune(context: PipelineContext, sourceName: string): Promise<RetentionPlan> {
  const source = requireSource(context.policy, sourceName);
  const vault = await context.vaultOf(source.vault);
  const { readers } = await findReaders(context, vault.state, sourceName);
  const readReused = onceOf(() => readReusedArtifacts(context, vault, sourceName));
  const history = await historyOf(context, vault, sourceName);
  const { plan, backups } = await planSource(context, vault, source, readers, readReused, history);
  return spareDoubted(plan, backups, (await readReused()).doubts);
}

/** The plan as a prune would carry it out while these manifests may name anything. */
async function spareDoubted(
  plan: RetentionPlan,
  backups: readonly RetentionBackup[],
  doubts: ReadonlyMap<string, string>,
): Promise<RetentionPlan> {
  const left = new Map(doubts);
  const { spared } = await walkReleased(plan, backups, async (id) => {
    const reason = describeDoubt(left, id);
    // A backup that goes names nothing any longer.
    if (reason === undefined) left.delete(id);
    return reason;
  });
  return amendPlan(plan, spared);
}

/**
 * Deletes what retention releases, under all of the source's leases, and collects the leftovers of
 * runs that died.
 * Errors: PruneRefused (nothing was deleted), KeyUnavailable and KeyFileInvalid (the manifests that
 * it relies on cannot be checked), LeaseHeld, LeaseLost, those of the store. A run that fails
 * half-way is finished by the next; `onDeleted` has heard of each backup that it deleted.
 */
export async function pruneSource(
  context: PipelineContext,
  sourceName: string,
  onDeleted: (backupId: string) => void = () => undefined,
): Promise<PruneResult> {
  const source = requireSource(context.policy, sourceName);
  const vault = await context.vaultOf(source.vault);
  const { store, state } = vault;
  const purpose = { source: sourceName, streams: leaseStreams, purpose: "prune" };
  return withSourceLeases(context, state, purpose, async (run, leases) => {
    // A refused prune still keeps the vault safe.
    await keepDocumentsLocked(run, store);
    const { readers, dead } = await findReaders(context, state, sourceName);
    const readReused = onceOf(() => readReusedArtifacts({ ...context, run }, vault, sourceName));
    // What was listed before the lease may have changed since: nothing is deleted by it.
    const history = await listAnew(context, vault, sourceName);
    const { plan: planned, backups } = await planSource(context, vault, source, readers, readReused, history);
    assertPrunable(planned);
    for (const key of dead) await state.delete(key);
    const kept = new Set(planned.decisions.flatMap((decision) => (decision.kept ? [decision.id] : [])));
    await takeBackTombstones(run, store, sourceName, kept);
    // What is kept is made safe before anything is deleted.
    const locksExtended = await keepPromises(context, vault, source, backups, planned);
    // Before anything of this run is deleted, so that a deletion that died is finished first.
    const onOdd = ({ key, odd }: ListedObject) =>
      run.log.warn(`${key} in ${store.url} is ${odd}, which a vault holds none of: find out who put it there`);
    const isNamed = async (key: string): Promise<boolean> => (await readReused()).isNamed(key);
    const options = { isNamed, now: run.clock.now(), graceSeconds: orphanGraceSeconds, leases: state, signal: run.signal, onOdd };
    for await (const deletion of listRecentDeletions(vault, { source: sourceName, now: options.now, signal: run.signal })) {
      run.log.warn(describeDeletion(deletion, store.url, options.now).message);
    }
    const swept = await sweepOrphans(vault, sourceName, options);
    const { deleted, spared } = await deleteReleased(
      run,
      leases,
      { vault, signer: () => context.signerOf(sourceName), holdfastVersion: context.holdfastVersion, readReused },
      sourceName,
      planned,
      backups,
      onDeleted,
    );
    await noteDeletions(context, vault, sourceName, deleted);
    return { source: sourceName, plan: amendPlan(planned, spared), deleted, locksExtended, sweptObjects: swept.length };
  });
}

async function deleteReleased(
  run: RunContext,
  leases: LeaseSet,
  { readReused, ...places }: Omit<DeletionPlaces, "reused"> & { readonly readReused: ReadReused },
  source: string,
  plan: RetentionPlan,
  backups: readonly RetentionBackup[],
  onDeleted: (backupId: string) => void,
): Promise<Deletions> {
  const reasonsOf = new Map(plan.decisions.map(({ id, reasons }) => [id, reasons]));
  return walkReleased(plan, backups, async (id) => {
    run.signal.throwIfAborted();
    await leases.assertHeld();
    const reused = await readReused();
    const spared = await deleteBackup(run, { ...places, reused }, { source, id, reasons: reasonsOf.get(id) ?? [] });
    if (spared === undefined) onDeleted(id);
    return spared;
  });
}
