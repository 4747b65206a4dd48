/**
 * What a restore on a stack may go to. Anyone who may start an execution chooses it: never an
 * address, and nothing that a secret fits into.
 */

/**
 * The name of a new database on the source's own server, or of one of the policy's
 * `restoreTargets`. The state machine `restore` tests the same pattern
 * (statemachines/restore.asl.yaml).
 */
export const stackTargetPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/;

/** What is wrong with any other text; does not repeat it, for it may hold a password. */
export const stackTargetProblem =
  "must be the name of a new database on the source's server, or a name from the policy's restoreTargets: letters, digits, _, . and -, 63 at most";
