/**
 * A source's backups, newest first, each graded by how far it can be relied on, whatever it builds
 * on included.
 */
import { inheritDoubt, noBase, type Standing } from "../proof/standing.ts";
import { openDayOf } from "./calendar.ts";
import { findImplausible, type RetentionBackup } from "./retention-backup.ts";

/**
 * How far a backup can be relied on: `implausible` counts for nothing; `unusable` is damaged, or
 * builds on what is damaged or gone;
 * `unjudged` was not verified, is suspicious, or builds on such a one; `trusted` was verified or
 * proven, with everything it builds on.
 */
export const grades = { implausible: 0, unusable: 1, unjudged: 2, trusted: 3 } as const;

export interface RetentionMoment {
  readonly now: Date;
  /** IANA name; calendar days, ISO weeks, months and years are this zone's. */
  readonly timezone: string;
}

interface Judgement {
  readonly grade: (typeof grades)[keyof typeof grades];
  /** How far it can be relied on with what it builds on; `noBase` for what counts for nothing. */
  readonly standing: Standing;
  /** Why it is implausible, in words. */
  readonly implausible?: string | undefined;
}

/** One backup in its history. */
export interface Entry extends Judgement {
  readonly backup: RetentionBackup;
  /** Its rank in the history: the greater, the older. */
  readonly rank: number;
  /** The number of the calendar day that it started on. */
  readonly day: number;
  /** What it builds on, where that is there. */
  readonly base?: Entry | undefined;
  /** Why it stays, collected while the rules are applied; without a reason it is released. */
  readonly reasons: string[];
}

/** What builds on nothing asks for an id that no backup has. */
type EntriesById<E extends Entry> = Map<string | null | undefined, E>;

/** Newest first; backups of one instant by descending id. */
export type History = readonly Entry[];

/** Sorts and grades; time and memory grow with the number of backups. */
export function readHistory(input: readonly RetentionBackup[], { now, timezone }: RetentionMoment): History {
  const dayOf = openDayOf(timezone);
  const byId: EntriesById<Entry & { base?: Entry | undefined }> = new Map();
  // From the oldest on: what a backup builds on is graded before it.
  for (const backup of [...input].sort(oldestFirst)) {
    const { grade, standing, implausible } = judge(backup, byId, now.getTime());
    const [day, rank] = [dayOf(backup.startedAtMs), -byId.size];
    // One literal: a million entries of one shape take a third of the time and memory.
    byId.set(backup.id, { backup, rank, day, grade, standing, implausible, base: undefined, reasons: [] });
  }
  const history = [...byId.values()].reverse();
  for (const entry of history) entry.base = byId.get(entry.backup.parent);
  return history;
}

/** What restores without further logs, of what is plausible: it can stand for a day or a month. */
export function* representatives(history: History): Iterable<Entry> {
  for (const entry of history) if (entry.backup.kind !== "log" && entry.grade !== grades.implausible) yield entry;
}

/** Why a backup that is not trusted is not, in words. */
export function describeDoubt({ backup, grade, standing }: Entry): string {
  if (grade === grades.unusable) return backup.state === "damaged" ? "damaged" : "on a damaged or missing base";
  if (standing.suspicious) return backup.suspicious ? "suspicious" : "on a suspicious base";
  return backup.state === "stored" ? "not verified" : "on a base that is not verified";
}

function oldestFirst(a: RetentionBackup, b: RetentionBackup): number {
  return sortTime(a) - sortTime(b) || (a.id > b.id ? 1 : -1);
}

/** A start that is no number sorts as the oldest; it is implausible anyway. */
function sortTime({ startedAtMs }: RetentionBackup): number {
  return Number.isFinite(startedAtMs) ? startedAtMs : -1;
}

/** `older`: those that are older, judged already. */
function judge(backup: RetentionBackup, older: EntriesById<Entry>, nowMs: number): Judgement {
  const implausible = findImplausible(backup, nowMs);
  if (implausible !== undefined) return { grade: grades.implausible, standing: noBase, implausible };
  // It counts for nothing, like an implausible one, but is one backup's fault: pruning goes on
  // without it.
  if (backup.distrust !== undefined) return { grade: grades.implausible, standing: noBase };
  // A base that is missing, implausible, or younger than what builds on it, is no base.
  const standing = typeof backup.parent === "string" ? inheritDoubt(backup, older.get(backup.parent)?.standing ?? noBase) : backup;
  return { grade: gradeOf(standing), standing };
}

function gradeOf({ state, suspicious }: Standing): Judgement["grade"] {
  if (state === "damaged") return grades.unusable;
  return state === "stored" || suspicious ? grades.unjudged : grades.trusted;
}
