/** What a restore has done. */
import type { LiveOutcome } from "../../engines/place.ts";
import type { HoldfastError } from "../../errors/holdfast-error.ts";
import type { AssertionResult, Comparison, LoadFinding } from "../../proof/content.ts";
import type { ErasureReport } from "../../proof/erasure.ts";
import type { Evidence } from "../../vault/documents/evidence.ts";

/** What stood at a restore's target, as a backup of its own. */
export interface SafetyBackup {
  /** The series (policy/safety-series.ts). */
  readonly source: string;
  readonly backupId: string;
}

/** Which part of a backup was restored: the rest of the backup is neither loaded nor compared. */
export interface RestoredPart {
  /** As it was asked for; empty: every object. */
  readonly only: readonly string[];
  /** Of each object its definition alone, or its content alone. */
  readonly content?: "definitions" | "rows" | undefined;
  /** Objects that were chosen, and all of the backup; absent where the backup does not verify. */
  readonly objects?: number | undefined;
  readonly of?: number | undefined;
}

export interface RestoreResult {
  readonly source: string;
  readonly backupId: string;
  readonly target: string;
  /**
   * Whether everything was loaded and compared equal, but for what the policy excepts; false only
   * for what was salvaged with `allowDamaged`.
   */
  readonly intact: boolean;
  readonly comparison: Comparison;
  /** Absent: all of the backup. */
  readonly selection?: RestoredPart | undefined;
  readonly loadFindings: readonly LoadFinding[];
  /** The policy's, on what was restored; one that fails keeps nothing from being overwritten. */
  readonly assertions: readonly AssertionResult[];
  /** What was erased from production since, and is not in the copy. */
  readonly erasures?: ErasureReport | undefined;
  readonly place: Readonly<Record<string, unknown>>;
  readonly timings: Readonly<Record<string, number>>;
  readonly safetyBackup?: SafetyBackup | undefined;
  /** What was put into a live database, or would be. */
  readonly live?: LiveOutcome | undefined;
  /** Of an intact restore, against the policy's RTO. */
  readonly objective?: Evidence["objective"];
  /** Why that is not in the vault, where it took no writes. */
  readonly unrecorded?: HoldfastError | undefined;
}
