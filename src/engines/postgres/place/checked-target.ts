/** What the checks of a restore's target look at. */
import type { Finding } from "../../finding.ts";
import type { RestoreRequest } from "../../restore-request.ts";
import type { PostgresFacts } from "../backup-facts.ts";
import type { ConnectionSettings } from "../connection/connection.ts";
import type { RestoreWishes } from "./restore-options.ts";
import type { TargetSurvey } from "./restore-survey.ts";

export interface CheckedTarget {
  readonly facts: PostgresFacts;
  readonly settings: ConnectionSettings;
  readonly survey: TargetSurvey;
  readonly request: RestoreRequest;
  readonly wishes: RestoreWishes;
  /** Extensions that the policy lets a restore do without. */
  readonly withoutExtensions: readonly string[];
}

export type Check = (target: CheckedTarget) => readonly Finding[];

export function finding(level: Finding["level"], subject: string, message: string, remedy?: string): readonly Finding[] {
  return [{ level, subject, message, ...(remedy === undefined ? {} : { remedy }) }];
}
