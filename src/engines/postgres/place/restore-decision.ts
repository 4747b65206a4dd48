/** What a restore has decided before it touches anything. */
import type { Assertion } from "../../../policy/engines/postgres/source.ts";
import type { Finding } from "../../finding.ts";
import type { PostgresFacts } from "../backup-facts.ts";
import type { ConnectionSettings } from "../connection/connection.ts";
import type { Allowances } from "../load/load-order.ts";
import type { ArchiveSelection } from "../selection/read-selection.ts";
import type { ClientTools } from "../tools.ts";
import type { DatabaseNames } from "./restore-names.ts";
import type { RestoreOptions } from "./restore-options.ts";
import type { RoleStatements } from "./restore-roles.ts";
import type { TargetSurvey } from "./restore-survey.ts";

/** Everything a restore needs to know; made without touching the target. */
export interface RestoreDecision extends RestoreOptions, DatabaseNames {
  readonly facts: PostgresFacts;
  readonly settings: ConnectionSettings;
  readonly survey: TargetSurvey;
  readonly tools: ClientTools;
  /** The backup's roles that are created first. */
  readonly roles: RoleStatements;
  readonly allowed: Allowances;
  /** Whether sessions in an occupied target are ended when the copy is ready. */
  readonly endConnections: boolean;
  readonly assertions: readonly Assertion[];
  readonly onDisk: boolean;
  /** Absent: all of the backup. */
  readonly selection?: ArchiveSelection | undefined;
}

/**
 * What was looked at; and how the restore would go, where no check keeps it from being thought
 * through.
 */
export interface DecidedRestore {
  readonly settings: ConnectionSettings;
  readonly survey: TargetSurvey;
  readonly checks: readonly Finding[];
  readonly decision?: RestoreDecision | undefined;
}
