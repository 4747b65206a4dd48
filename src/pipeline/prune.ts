/**
 * The step that deletes what retention releases. Order of deletes (docs/vault-format.md): the
 * manifest first, so that a run that dies leaves no backup that names missing artifacts; dependants
 * before what they depend on; leftovers are swept by the next run.
 */
import type { SourceConfig } from "../policy/policy.ts";
import { assertPrunable, planRetention, type RetentionBackup, type RetentionPlan } from "../retention/plan-retention.ts";
import type { RunContext } from "../runtime/run-context.ts";
import { stateOf } from "../vault/backup-state.ts";
import type { BackupEntry } from "../vault/catalogue.ts";
import { resolveChains } from "../vault/chains.ts";
import { describeHiddenHold, listHiddenHolds } from "../vault/documents/hidden-documents.ts";
import { describeReader, isActiveMark, listReadMarks } from "../vault/documents/read-marks.ts";
import { checksStoredBy } from "../vault/judge-checks.ts";
import type { LeaseSet } from "../vault/lease-set.ts";
import { leaseStreams } from "../vault/lease-streams.ts";
import { describeDeletion, listRecentDeletions } from "../vault/list-deleted.ts";
import { describeForged } from "../vault/list-forged.ts";
import type { ListedObject, ObjectStore } from "../vault/object-store.ts";
import { sweepOrphans } from "../vault/sweep.ts";
import type { SignedVault } from "../vault/vault.ts";
import type { SourceHistory } from "./catalogue/histories.ts";
import { historyOf, listAnew, noteDeletions } from "./catalogue/source-history.ts";
import { keepDocumentsLocked } from "./keep-documents-locked.ts";
import { rulesOf } from "./list-source.ts";
import { readBases } from "./opening/read-bases.ts";
import { type PipelineContext, requireSource } from "./pipeline-context.ts";
import { type DeletionPlaces, deleteBackup, takeBackTombstones } from "./prune/delete-backup.ts";
import { planOnPositions } from "./prune/plan-on-positions.ts";
import { type GatheredBackup, planOnTrust } from "./prune/plan-on-trust.ts";
import { keepPromises, planAmongLocks } from "./prune/prune-locks.ts";
import { refuseLosses } from "./prune/refuse-losses.ts";
import { describeDoubt, type ReusedArtifacts, readReusedArtifacts } from "./prune/reused-artifacts.ts";
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
  return plan.released.length === 0 ? plan : spareDoubted(plan, backups, (await readReused()).doubts);
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
  return amend(plan, spared);
}

/**
 * Deletes what retention releases, under all of the source's leases, and collects the leftovers of
 * runs that died.
 * Errors: PruneRefused (nothing was deleted), KeyUnavailable and KeyFileInvalid (the manifests that
 * it relies on cannot be checked), LeaseHeld, LeaseLost, those of the store. A run that fails
 * half-way is finished by the next.
 */
export async function pruneSource(context: PipelineContext, sourceName: string): Promise<PruneResult> {
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
    );
    await noteDeletions(context, vault, sourceName, deleted);
    return { source: sourceName, plan: amend(planned, spared), deleted, locksExtended, sweptObjects: swept.length };
  });
}

/** Read when it is first asked for: a prune that deletes nothing does not need it. */
type ReadReused = () => Promise<ReusedArtifacts>;

function onceOf<T>(work: () => Promise<T>): () => Promise<T> {
  let done: Promise<T> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}

interface Deletions {
  readonly deleted: readonly string[];
  /** Released backups that stayed, and why. */
  readonly spared: ReadonlyMap<string, string>;
}

async function deleteReleased(
  run: RunContext,
  leases: LeaseSet,
  { readReused, ...places }: Omit<DeletionPlaces, "reused"> & { readonly readReused: ReadReused },
  source: string,
  plan: RetentionPlan,
  backups: readonly RetentionBackup[],
): Promise<Deletions> {
  const reasonsOf = new Map(plan.decisions.map(({ id, reasons }) => [id, reasons]));
  return walkReleased(plan, backups, async (id) => {
    run.signal.throwIfAborted();
    await leases.assertHeld();
    const reused = await readReused();
    return deleteBackup(run, { ...places, reused }, { source, id, reasons: reasonsOf.get(id) ?? [] });
  });
}

/** Deletes what is released, one after the other; `work` resolves with why one stays. */
async function walkReleased(
  { released }: RetentionPlan,
  backups: readonly RetentionBackup[],
  work: (id: string) => Promise<string | undefined>,
): Promise<Deletions> {
  const parents = new Map(backups.map(({ id, parent }) => [id, parent ?? undefined]));
  const deleted: string[] = [];
  const spared = new Map<string, string>();
  // Dependants come before what they build on, so that whatever is spared spares its bases in time.
  for (const id of released) {
    if (spared.has(id)) continue;
    const reason = await work(id);
    if (reason === undefined) {
      deleted.push(id);
      continue;
    }
    spared.set(id, reason);
    for (let base = parents.get(id); base !== undefined && !spared.has(base); base = parents.get(base)) {
      spared.set(base, `needed by ${id}`);
    }
  }
  return { deleted, spared };
}

/** The plan as it was carried out. */
function amend(planned: RetentionPlan, spared: ReadonlyMap<string, string>): RetentionPlan {
  const decisions = planned.decisions.map((decision) => {
    const reason = decision.kept ? undefined : spared.get(decision.id);
    return reason === undefined ? decision : { id: decision.id, kept: true, reasons: [reason] };
  });
  return { ...planned, decisions, released: planned.released.filter((id) => !spared.has(id)) };
}

/** The plan with everything that is known of readers and locks, and what it was made of. */
async function planSource(
  context: PipelineContext,
  vault: SignedVault,
  { name, retention }: SourceConfig,
  readers: ReadonlyMap<string, string>,
  readReused: ReadReused,
  history: SourceHistory,
): Promise<{ readonly plan: RetentionPlan; readonly backups: readonly RetentionBackup[] }> {
  const { store } = vault;
  const moment = { now: context.run.clock.now(), timezone: context.policy.timezone };
  const settledMs = moment.now.getTime() - retention.minAgeSeconds * 1000;
  const gathered = await gather(context, vault, history, readers, settledMs);
  const planFor = (each: readonly RetentionBackup[]) => planRetention(each, retention, moment);
  const relied = await planOnTrust(context, vault, gathered, planFor);
  const placed = await planOnPositions(context, vault, name, relied, planFor);
  const { plan, backups } = await planAmongLocks(store, name, placed, planFor, readReused);
  return { plan: await refuseLosses(vault, name, history.unclaimed, plan), backups };
}

async function gather(
  context: PipelineContext,
  vault: SignedVault,
  { source, backups: entries }: SourceHistory,
  readers: ReadonlyMap<string, string>,
  settledMs: number,
): Promise<GatheredBackup[]> {
  const hidden = new Map<string, Date>();
  for await (const { id, hiddenAt } of listHiddenHolds(vault, source)) hidden.set(id, hiddenAt);
  const forged = entries.flatMap((entry) => entry.forged);
  if (forged.length > 0) context.run.log.warn(describeForged(forged, vault.store.url).message);
  const rules = rulesOf(context, source);
  const said = await readBases(context, vault, entries, rules);
  // By what the manifests say, not by the rules of kinds: what is kept must keep its base.
  return resolveChains(entries, rules, said.bases).map((entry) => {
    const hiddenAt = entry.held ? undefined : hidden.get(entry.id);
    if (hiddenAt !== undefined) context.run.log.warn(describeHiddenHold({ source, id: entry.id, hiddenAt }));
    const held = entry.held || hiddenAt !== undefined;
    const parent = said.bases.get(entry.id) ?? (entry.base === "" ? null : (entry.base ?? null));
    const distrust = said.doubts.get(entry.id);
    const doubt = distrust === undefined || (entry.own ?? entry).state === "damaged" ? {} : { distrust };
    return { entry, ...describe(vault, entry, settledMs), parent, ...doubt, held, readBy: readers.get(entry.id) };
  });
}

function describe(vault: SignedVault, entry: BackupEntry, settledMs: number): RetentionBackup {
  const { id, kind, held, storedAt } = entry;
  // What it builds on is retention's to judge: it does so for the time of `settled` as well.
  const { state, suspicious } = entry.own ?? entry;
  // By the store's own time; where that is not known, a check counts as old.
  const settled = stateOf(checksStoredBy(vault, entry, settledMs).map(({ check }) => check));
  const startedAtMs = entry.startedAt.getTime();
  return { id, kind, startedAtMs, state, suspicious, held, storedAtMs: storedAt?.getTime(), settled };
}

/** Who reads which backup now, in words; and the marks of readers that died. */
async function findReaders(context: PipelineContext, store: ObjectStore, source: string) {
  const readers = new Map<string, string>();
  const dead: string[] = [];
  for await (const mark of listReadMarks(store, source)) {
    if (!isActiveMark(mark, context.run.clock.now())) dead.push(mark.key);
    else readers.set(mark.id, await describeReader(store, mark.key));
  }
  return { readers, dead };
}
