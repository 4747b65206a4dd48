/**
 * What retention knows of a backup, and what makes one implausible. Planning needs no more than a
 * listing of the vault's keys.
 */
import { type BackupKind, backupKinds } from "../policy/policy.ts";
import type { Coverage } from "../proof/position.ts";
import { maxClockSkewMs } from "../runtime/clock.ts";

export interface RetentionBackup {
  readonly id: string;
  readonly kind: BackupKind;
  /** Epoch milliseconds, as the id says. */
  readonly startedAtMs: number;
  readonly state: "stored" | "verified" | "proven" | "damaged";
  /** Verified, but it looks as if data were lost or encrypted, and no person accepted it. */
  readonly suspicious: boolean;
  /**
   * Why its documents do not say what their names do, in words: it counts for nothing, and is never
   * released.
   */
  readonly distrust?: string;
  /** Under a legal hold. */
  readonly held: boolean;
  /**
   * Who is reading it at this moment, and since when, in words: a restore, a test, a verification.
   */
  readonly readBy?: string | undefined;
  /** Until when the vault itself refuses to delete it, epoch milliseconds. */
  readonly lockedUntilMs?: number;
  /**
   * When the store got it, by the store's own time, epoch milliseconds; absent where that is not
   * known.
   */
  readonly storedAtMs?: number | undefined;
  /** What the vault said of it `minAge` ago; absent where that is what it says now. */
  readonly settled?: Pick<RetentionBackup, "state" | "suspicious">;
  /**
   * What of the source's history it holds, as its manifest says; absent where that was not read.
   */
  readonly coverage?: Coverage | undefined;
  /**
   * The backup this one builds on; null for one that stands alone, as those that only reuse do;
   * absent where nobody asked, for kinds that always do.
   */
  readonly parent?: string | null;
}

/** Kinds that may be nothing without what they build on: their manifests say it. */
const dependentKinds: ReadonlySet<BackupKind> = new Set(["incremental", "differential"]);

/**
 * A machine whose clock lost its battery starts in 1970, 1980 or 2000; a date before this is such a
 * clock's.
 */
const earliestMs = Date.UTC(2001, 0, 1);

/** `20261120T020000Z-full-7k3f9a` (docs/vault-format.md, "Backup ids"). */
const idPattern = new RegExp(
  `^(\\d{4})(\\d\\d)(\\d\\d)T(\\d\\d)(\\d\\d)(\\d\\d)Z-(${backupKinds.join("|")})(?:(?<=-log)-first)?-[0-9a-z]+$`,
);

/**
 * Why a backup cannot be what it says it is, or undefined. Such a backup counts for nothing, is
 * never released, and stops pruning.
 */
export function findImplausible(backup: RetentionBackup, nowMs: number): string | undefined {
  const { id, kind, startedAtMs, parent } = backup;
  const match = idPattern.exec(id);
  if (match === null) return "its id is not a backup's";
  const [, year, month, day, hour, minute, second, kindInId] = match;
  const idMs = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  if (kindInId !== kind) return `its id says ${kindInId}, not ${kind}`;
  // The id has whole seconds; anything else that disagrees, or a 31 February, was not made by
  // Holdfast.
  if (Math.floor(startedAtMs / 1000) * 1000 !== idMs || new Date(idMs).getUTCDate() !== Number(day))
    return "its id names another time than its start";
  if (idMs > nowMs + maxClockSkewMs) return "it is dated in the future";
  if (idMs < earliestMs) return "it is dated as by a clock that was never set";
  if (dependentKinds.has(kind) && parent === undefined) return `it is ${kind} and does not say what it builds on`;
  return undefined;
}
