/**
 * A source's backups, newest first, each graded by how far it can be relied on, whatever it builds
 * on included.
 */
import { inheritDoubt, noBase, type Standing } from "../proof/standing.ts";
import { findImplausible, type RetentionBackup } from "./retention-backup.ts";

/**
 * How far a backup can be relied on: `implausible` counts for nothing; `unusable` is damaged, or
 * builds on what is damaged or gone;
 * `unjudged` was not verified, is suspicious, or builds on such a one; `trusted` was verified or
 * proven, with everything it builds on.
 */
export const grades = { implausible: 0, unusable: 1, unjudged: 2, trusted: 3 } as const;

export interface History {
  /** Newest first; backups of one instant by descending id. */
  readonly backups: readonly RetentionBackup[];
  /** A grade per backup, by its place in `backups`. */
  readonly grades: Uint8Array;
  /** How far each can be relied on with what it builds on; `noBase` for what counts for nothing. */
  readonly standings: readonly Standing[];
  /** The place of what each backup builds on, or -1. */
  readonly parents: Int32Array;
  /** Places of implausible backups, and why. */
  readonly implausible: ReadonlyMap<number, string>;
}

/**
 * Sorts and grades; time and memory grow with the number of backups (a history that is already in
 * order is not sorted again).
 */
export function readHistory(input: readonly RetentionBackup[], nowMs: number): History {
  const backups = [...input].reverse().sort(newestFirst);
  const history = {
    backups,
    grades: new Uint8Array(backups.length),
    standings: new Array<Standing>(backups.length).fill(noBase),
    parents: findParents(backups),
    implausible: new Map<number, string>(),
  };
  // From the oldest on, so that what a backup builds on was graded before it.
  for (let place = backups.length - 1; place >= 0; place--) grade(history, place, nowMs);
  return history;
}

/** Why a backup that is not trusted is not, in words. */
export function describeDoubt(history: History, place: number): string {
  const backup = history.backups[place];
  if (history.grades[place] === grades.unusable) return backup?.state === "damaged" ? "damaged" : "on a damaged or missing base";
  if (history.standings[place]?.suspicious === true) return backup?.suspicious === true ? "suspicious" : "on a suspicious base";
  return backup?.state === "stored" ? "not verified" : "on a base that is not verified";
}

function newestFirst(a: RetentionBackup, b: RetentionBackup): number {
  const [aMs, bMs] = [sortTime(a), sortTime(b)];
  if (aMs !== bMs) return bMs - aMs;
  return a.id === b.id ? 0 : a.id < b.id ? 1 : -1;
}

/** A start that is no number sorts last; it is implausible anyway. */
function sortTime({ startedAtMs }: RetentionBackup): number {
  return Number.isFinite(startedAtMs) ? startedAtMs : -1;
}

function findParents(backups: readonly RetentionBackup[]): Int32Array {
  const parents = new Int32Array(backups.length).fill(-1);
  if (!backups.some(hasParent)) return parents;
  const places = new Map(backups.map(({ id }, place) => [id, place]));
  backups.forEach((backup, place) => {
    if (hasParent(backup)) parents[place] = places.get(backup.parent) ?? -1;
  });
  return parents;
}

function hasParent(backup: RetentionBackup): backup is RetentionBackup & { readonly parent: string } {
  return backup.parent !== undefined && backup.parent !== null;
}

function grade(
  history: History & { readonly implausible: Map<number, string>; readonly standings: Standing[] },
  place: number,
  nowMs: number,
): void {
  const backup = history.backups[place];
  if (backup === undefined) return;
  const reason = findImplausible(backup, nowMs);
  if (reason !== undefined) {
    history.implausible.set(place, reason);
    return;
  }
  // It counts for nothing, like an implausible one, but is one backup's fault: pruning goes on
  // without it.
  if (backup.distrust !== undefined) return;
  const parent = history.parents[place] ?? -1;
  // A base that is missing, implausible, or younger than what builds on it, is no base.
  const base = parent > place ? (history.standings[parent] ?? noBase) : noBase;
  const standing = hasParent(backup) ? inheritDoubt(backup, base) : backup;
  history.standings[place] = standing;
  history.grades[place] = gradeOf(standing);
}

function gradeOf({ state, suspicious }: Standing): number {
  if (state === "damaged") return grades.unusable;
  return state === "stored" || suspicious ? grades.unjudged : grades.trusted;
}
