/**
 * The machines of a stack whose vault belongs to another account: that account takes no safety
 * backup from here (ADR 0054), and nothing is replaced without one.
 */
import type { Definition } from "./asl.ts";

/** What asks a second person, and what follows from the answer. */
const steps = [
  "RecordRequest",
  "WaitForAnswer",
  "ApprovalExpired",
  "RecordAnswer",
  "ChooseSafetyRunner",
  "SafetyBackup",
  "SafetyBackupOnFargate",
  "RecordSafety",
];

/** The same machine; where it would ask, it refuses. */
export function withoutApproval(definition: Definition): Definition {
  const { RecordRequest } = definition.states;
  if (RecordRequest === undefined) return definition;
  const kept = Object.entries(definition.states).flatMap(([name, state]) => {
    if (name === "RecordRequest") return [[name, refusal] as const];
    return steps.includes(name) ? [] : [[name, state] as const];
  });
  return { ...definition, states: Object.fromEntries(kept) };
}

const refusal = {
  Comment: "The vault's own account takes no safety backup from here",
  Type: "Pass",
  Assign: {
    failure: {
      Error: "RestoreRefused",
      Cause:
        "what stands at the target could not be backed up first: the vault belongs to another account, which takes no safety backup from this stack; nothing was touched. Restore to a new target, or from a machine that reaches the server.",
    },
    failedState: "RecordRequest",
  },
  Next: "Alert",
} as const;
