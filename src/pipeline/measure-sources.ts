/**
 * The step that holds objectives against measurements. States come from a listing of keys, and
 * those that are quoted from documents; figures are read for the few backups that a judgement needs
 * them of, so that a vault of any age is measured in the same time.
 */
import { type HoldfastError, toHoldfastError } from "../errors/holdfast-error.ts";
import type { SourceConfig } from "../policy/policy.ts";
import { assessStatus } from "../report/status.ts";
import type { BackupFigures, Status, StatusBackup, StatusGap } from "../report/status-model.ts";
import type { BackupEntry } from "../vault/catalogue.ts";
import type { Evidence } from "../vault/documents/evidence.ts";
import { totalsOf } from "../vault/documents/manifest-totals.ts";
import { keepGenuine } from "../vault/judge-checks.ts";
import type { BackupPlace } from "../vault/layout.ts";
import { listRecentDeletions, type RecentDeletion } from "../vault/list-deleted.ts";
import { confirmLost } from "../vault/list-lost.ts";
import type { ObjectStore } from "../vault/object-store.ts";
import type { SignedVault } from "../vault/vault.ts";
import { examineQuoted, restoreChecks } from "./catalogue/examine-quoted.ts";
import { findGaps } from "./catalogue/find-gaps.ts";
import { readSoundEvidence, readSoundManifest } from "./catalogue/read-valid-evidence.ts";
import { chainedHistoryOf } from "./list-source.ts";
import { authenticatorOf } from "./opening/authentic-manifest.ts";
import { findVault, type PipelineContext } from "./pipeline-context.ts";

/** How many restore tests a report shows of a source. */
const shownTests = 10;
/** Growth is told per month (requirements, R23), against the backup nearest to that age. */
const monthMs = 30 * 86_400_000;
export interface MeasuredSource {
  readonly source: SourceConfig;
  readonly backups: readonly StatusBackup[];
  /** The evidence of the newest restore tests, newest first. */
  readonly tests: readonly Evidence[];
  /** Backups whose manifest is missing. */
  readonly lost: readonly BackupPlace[];
  /** Backups that were deleted a short time ago, and of which something is left. */
  readonly deleted: readonly RecentDeletion[];
  /** Times of the recovery window that no log has. */
  readonly gaps: readonly StatusGap[];
}

/** A source of whose backups nothing is known: its vault could not be read. */
export interface UnmeasuredSource {
  readonly source: SourceConfig;
  readonly error: HoldfastError;
}

export interface Measurements {
  readonly status: Status;
  readonly sources: readonly MeasuredSource[];
  readonly unmeasured: readonly UnmeasuredSource[];
}

/**
 * Measures these sources. Damaged manifests and evidence count as unknown figures; their state says
 * what is wrong. A vault that cannot be read keeps only its own sources from being measured.
 * Errors: those of the vault, when no source can be.
 */
export async function measureSources(context: PipelineContext, sources: readonly SourceConfig[]): Promise<Measurements> {
  const measured: MeasuredSource[] = [];
  const unmeasured: UnmeasuredSource[] = [];
  for (const source of sources) {
    try {
      measured.push(await measureSource(context, source));
    } catch (error) {
      context.run.signal.throwIfAborted();
      unmeasured.push({ source, error: toHoldfastError(error) });
    }
  }
  const [first] = unmeasured;
  if (first !== undefined && measured.length === 0) throw first.error;
  const { timezone } = context.policy;
  const backups = measured.flatMap((each) => each.backups);
  const lost = measured.flatMap((each) => each.lost);
  const deleted = measured.flatMap((each) => each.deleted);
  const now = context.run.clock.now();
  const known = measured.map(({ source }) => source);
  const status = assessStatus({
    now,
    timezone,
    sources: known,
    backups,
    lost,
    deleted,
    gaps: measured.flatMap((each) => each.gaps),
  });
  if (first === undefined) return { status, sources: measured, unmeasured };
  const described = unmeasured.map(({ source, error: { name, message, hint } }) => ({
    source: source.name,
    error: { name, message, hint },
  }));
  return { status: { ...status, verdict: "breach", unmeasured: described }, sources: measured, unmeasured };
}

async function measureSource(context: PipelineContext, source: SourceConfig): Promise<MeasuredSource> {
  const vault = await findVault(context, source.vault);
  if (vault === undefined) return { source, backups: [], tests: [], lost: [], deleted: [], gaps: [] };
  const { store } = vault;
  const { backups: listed, unclaimed } = await chainedHistoryOf(context, vault, source.name);
  const entries = await examineQuoted(store, listed, authenticatorOf(context, vault));
  const tests = await readTests(vault, entries);
  const telling = chooseTelling(entries, tests);
  const { signal, clock } = context.run;
  const lost = await confirmLost(vault, unclaimed);
  const deleted = await toArray(listRecentDeletions(vault, { source: source.name, now: clock.now(), signal }));
  const backups: StatusBackup[] = [];
  for (const entry of entries) {
    backups.push(telling.has(entry) ? { ...entry, figures: await readFigures(store, entry, tests) } : entry);
  }
  return { source, backups, tests, lost, deleted, gaps: await findGaps(context, vault, source, entries) };
}

async function toArray<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

/** Whatever its backup's age: a monthly test of an hourly backup lies hundreds of backups back. */
async function readTests(vault: SignedVault, entries: readonly BackupEntry[]): Promise<Evidence[]> {
  const keys = entries.flatMap(({ checks, earlierChecks }) => [...checks, ...earlierChecks]);
  const newestFirst = keys.filter(({ check }) => restoreChecks.includes(check)).sort((a, b) => b.at.localeCompare(a.at));
  const tests: Evidence[] = [];
  let looked = 0;
  for (const each of newestFirst) {
    if (looked >= shownTests) break;
    if (keepGenuine(vault, [each]).length === 0) continue;
    looked += 1;
    const evidence = await readSoundEvidence(vault.store, each.key);
    if (evidence !== undefined) tests.push(evidence);
  }
  return tests;
}

/**
 * The backups whose figures a judgement uses: the newest, the newest good ones, those that were
 * tested, and one of a month before.
 */
function chooseTelling(entries: readonly BackupEntry[], tests: readonly Evidence[]): Set<BackupEntry> {
  const good = entries.filter(
    ({ state, suspicious, future }) => !suspicious && !future && (state === "verified" || state === "proven"),
  );
  const newestGood = good.at(-1);
  const tested = new Set(tests.filter(({ objective }) => objective !== undefined).map(({ backupId }) => backupId));
  const telling = new Set(entries.filter(({ id }) => tested.has(id)));
  for (const entry of [entries.at(-1), newestGood, nearestTo((newestGood?.startedAt.getTime() ?? 0) - monthMs, good)]) {
    if (entry !== undefined) telling.add(entry);
  }
  return telling;
}

function nearestTo(instantMs: number, entries: readonly BackupEntry[]): BackupEntry | undefined {
  const distance = ({ startedAt }: BackupEntry): number => Math.abs(startedAt.getTime() - instantMs);
  let nearest: BackupEntry | undefined;
  for (const entry of entries) {
    if (nearest === undefined || distance(entry) < distance(nearest)) nearest = entry;
  }
  return nearest;
}

async function readFigures(store: ObjectStore, entry: BackupEntry, tests: readonly Evidence[]): Promise<BackupFigures> {
  const read = await readSoundManifest(store, entry);
  const restoreSeconds = tests.find(
    ({ backupId, check, objective }) => backupId === entry.id && check !== "disproven" && objective !== undefined,
  )?.objective?.measuredSeconds;
  const contentBytes = await readContentBytes(store, entry);
  const measured = {
    restoreSeconds,
    contentBytes,
  };
  if (read === undefined) return measured;
  const { storedBytes, rows, durationSeconds } = totalsOf(read.manifest);
  return { ...measured, storedBytes, rows, durationSeconds };
}

/** From the digest of the newest verification. */
async function readContentBytes(store: ObjectStore, entry: BackupEntry): Promise<number | undefined> {
  const verified = entry.checks.findLast(({ check }) => check === "verified" || check === "suspicious");
  return verified === undefined ? undefined : (await readSoundEvidence(store, verified.key))?.digest?.bytes;
}
