/** What is asked of a restore to a target of the user's, and what it would do. */
import type { Position } from "../proof/position.ts";
import type { Finding } from "./finding.ts";

/** After --to, in place of a target: the source itself, as the policy connects to it. */
export const ownTarget = "the source's own database";

/** What a restore would do, in the order it would do it; shown by --dry-run. */
export interface RestorePlan {
  readonly target: string;
  readonly steps: readonly string[];
  /** The target exists and holds something: needs --overwrite. */
  readonly occupied: boolean;
  /**
   * What was looked at before anything is touched, all of it; one of level `error` refuses the
   * restore (preflight.ts).
   */
  readonly checks: readonly Finding[];
  /** Puts rows, or a table that is gone, into a live database: approved as `into-live`. */
  readonly intoLive?: boolean | undefined;
  /** What is there; of an occupied target, or a live one. */
  readonly standing?: Standing | undefined;
}

/** What stands at a restore's target. */
export interface Standing {
  /** The same as long as it is the same database or directory, whatever changes in it. */
  readonly identity: string;
  /** How much it is, whose, how new: a sentence each, for the person who approves. */
  readonly facts: readonly string[];
}

/** How far a restore goes. */
export interface RestoreGoal {
  /** Within the coverage of the chain's last backup; absent: to its end. */
  readonly until?: Position | undefined;
}

export interface RestoreRequest extends RestoreGoal {
  /** As given after --to; the engine says what forms it takes. */
  readonly target: string;
  readonly overwrite: boolean;
  /**
   * Only these objects, by the engine's names and patterns (EnginePolicy.restore.only), with all
   * that is part of them; absent: everything.
   */
  readonly only?: readonly string[] | undefined;
  /** As `overwrite`, and the target must be there: a mistyped name is refused, not created. */
  readonly swap?: boolean | undefined;
  /** Goes on where the room on the target seems too small: that is an estimate. */
  readonly ignoreRoom?: boolean | undefined;
  /** Switches of the engine's own that were given (EnginePolicy.restore), by their names. */
  readonly flags?: ReadonlySet<string> | undefined;
  /** Its options that take a value, by their names. */
  readonly values?: ReadonlyMap<string, string> | undefined;
}

/** A swap that is taken back: both names as they are afterwards. */
export interface SwappedBack {
  /** What stands under its own name again. */
  readonly target: string;
  /** What stood there until now, and under which name it is kept; absent: nothing stood there. */
  readonly kept?: string | undefined;
  /** The name under which what came back was kept. */
  readonly from: string;
}
