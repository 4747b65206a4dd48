/**
 * Which of a source's backups bring back an instant, in the order in which they are to be tried.
 */
import type { BackupKind } from "../../policy/policy.ts";
import type { Coverage } from "../../proof/position.ts";

/** As much of a backup as it takes to ask what it covers. */
export interface DatedBackup {
  readonly id: string;
  readonly kind: BackupKind;
}

export interface CandidateAt<E> {
  readonly entry: E;
  /** Where restoring has to stop, ISO 8601: what it covers goes on after the instant. */
  readonly until?: string;
}

/** Undefined: nobody can tell what it covers. */
type CoverageOf<E> = (entry: E) => Promise<Coverage | undefined>;

/** How many manifests in a row may say nothing before what comes after them is left alone. */
const maxSilent = 100;

/**
 * The backups whose content is of `at` (ISO 8601) or before, the best first: one that ends at that
 * very instant, then logs that hold it between where they go on and where they end, then the others
 * by where they end, the newest first. Ends are taken to rise with the ids, for logs and for the
 * others, as they do unless a source goes back in time; so some twenty are asked for, however many
 * there are. `entries` are a source's, oldest first.
 */
export async function* candidatesAt<E extends DatedBackup>(
  at: string,
  entries: readonly E[],
  coverageOf: CoverageOf<E>,
): AsyncGenerator<CandidateAt<E>, void, undefined> {
  const logs = entries.filter(({ kind }) => kind === "log");
  const others = entries.filter(({ kind }) => kind !== "log");
  const lastLog = await findLastEnded(at, logs, coverageOf);
  const ended = mergeEnded(
    walkDown(others, await findLastEnded(at, others, coverageOf), coverageOf),
    walkDown(logs, lastLog, coverageOf),
  );
  let next = await ended.next();
  while (next.done !== true && next.value.end === at) {
    yield { entry: next.value.entry };
    next = await ended.next();
  }
  yield* logsAround(at, logs.slice(lastLog + 1), coverageOf);
  for (; next.done !== true; next = await ended.next()) yield { entry: next.value.entry };
}

/** The index of the last that ends at `at` or before; -1 without any. */
async function findLastEnded<E>(at: string, entries: readonly E[], coverageOf: CoverageOf<E>): Promise<number> {
  let [low, high] = [-1, entries.length];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    const asked = [...range(middle, high), ...range(low + 1, middle).reverse()].slice(0, maxSilent);
    const known = await findKnown(asked, entries, coverageOf);
    if (known === undefined) break;
    if (known.coverage.to.at <= at) low = known.index;
    else high = known.index;
  }
  return low;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

async function findKnown<E>(indexes: readonly number[], entries: readonly E[], coverageOf: CoverageOf<E>) {
  for (const index of indexes) {
    const entry = entries[index];
    const coverage = entry === undefined ? undefined : await coverageOf(entry);
    if (coverage !== undefined) return { index, coverage };
  }
  return undefined;
}

interface Ended<E> {
  readonly entry: E;
  readonly end: string;
}

async function* walkDown<E>(entries: readonly E[], last: number, coverageOf: CoverageOf<E>): AsyncGenerator<Ended<E>> {
  for (const entry of entries.slice(0, last + 1).reverse()) {
    const coverage = await coverageOf(entry);
    if (coverage !== undefined) yield { entry, end: coverage.to.at };
  }
}

/** The later end first; of two that end alike, the one that stands nearer to a whole backup. */
async function* mergeEnded<E>(others: AsyncGenerator<Ended<E>>, logs: AsyncGenerator<Ended<E>>): AsyncGenerator<Ended<E>> {
  let [other, log] = [await others.next(), await logs.next()];
  while (other.done !== true || log.done !== true) {
    if (other.done !== true && (log.done === true || other.value.end >= log.value.end)) {
      yield other.value;
      other = await others.next();
    } else if (log.done !== true) {
      yield log.value;
      log = await logs.next();
    }
  }
}

/** Of the logs that end later, oldest first: those that go on from before `at`. */
async function* logsAround<E>(at: string, later: readonly E[], coverageOf: CoverageOf<E>): AsyncGenerator<CandidateAt<E>> {
  let silent = 0;
  for (const entry of later) {
    const coverage = await coverageOf(entry);
    if (coverage === undefined) {
      silent += 1;
      if (silent > maxSilent) return;
      continue;
    }
    if (coverage.from === undefined || coverage.from.at >= at) return;
    yield { entry, until: at };
  }
}
