/** What a restore is asked for. */
import type { RestoreRequest } from "../../engines/restore-request.ts";
import type { GivenApproval } from "../approvals/require-approval.ts";
import type { SafetyBackup } from "./restore-result.ts";

export interface RestoreOptions {
  /** As given after --to; the engine says what forms it takes. */
  readonly to: string;
  readonly overwrite: boolean;
  /** Overwrites, and refuses a target that is not there. */
  readonly swap?: boolean | undefined;
  /**
   * Whether what is overwritten is backed up first; default: it is. Without it, the old
   * one lies under another name, and nowhere else.
   */
  readonly safetyBackup?: boolean | undefined;
  /** The safety backup that another run took and held (safety-backup.ts). */
  readonly safetyTaken?: SafetyBackup | undefined;
  /** Whether the policy's assertions are run on what was loaded; default: they are. */
  readonly assertions?: boolean | undefined;
  /** Goes on where the room on the target seems too small. */
  readonly ignoreRoom?: boolean | undefined;
  /**
   * Puts into the target what could be loaded even when the backup is damaged or the result
   * differs: the last resort.
   */
  readonly allowDamaged: boolean;
  /** Hands the copy over although not all that was erased since could be taken out of it. */
  readonly withoutErasures?: boolean | undefined;
  /** The instant to stop at, ISO 8601; absent: the end of what the backup has. */
  readonly until?: string | undefined;
  /** Removes a result that differs, where it would be kept beside the target. */
  readonly discardDifferent?: boolean | undefined;
  /** Only these objects, by the engine's names and patterns; absent: everything. */
  readonly only?: readonly string[] | undefined;
  /** Switches that engines add (EnginePolicy.restore), by their names. */
  readonly flags?: ReadonlySet<string> | undefined;
  /** Its options that take a value, by their names. */
  readonly values?: ReadonlyMap<string, string> | undefined;
  /** That a second person has approved it, where the policy wants that. */
  readonly approval?: GivenApproval;
}

/** The same, as engines take it. */
export function requestOf({ to, overwrite, swap, until, ...options }: RestoreOptions): RestoreRequest {
  const { flags, values, ignoreRoom, only } = options;
  const goal = until === undefined ? undefined : { at: until };
  return { target: to, overwrite: overwrite || swap === true, swap, until: goal, flags, values, ignoreRoom, only };
}
