/**
 * The one table of how serious each failure and each finding is, why, which procedure it has, and
 * what is typed next.
 */
import { catalogue, type ErrorName } from "../errors/catalogue.ts";
import { exitCodes } from "../errors/exit-codes.ts";
import type { Severity, Tier } from "../policy/policy.ts";

/** What is typed next; written out by next-command.ts. */
export type NextStep = "again" | "backup" | "check" | "drill" | "list" | "plan" | "requests" | "reverify" | "show" | "status";

export interface AlertRule {
  readonly severity: Readonly<Record<Tier, Severity>>;
  /** Why it is this serious. */
  readonly reason: string;
  /** The heading of the procedure in docs/alerts.md, as its anchor. */
  readonly runbook: string;
  readonly next: NextStep;
}

const everyTier = (severity: Severity): AlertRule["severity"] => ({
  critical: severity,
  important: severity,
  standard: severity,
});

/** Classes of failures: the errors of a class are equally serious for the same reason. */
export const failureRules = {
  lost: {
    severity: everyTier("critical"),
    reason: "data that were thought to be safe are not, whatever they are worth in good times",
    runbook: "a-backup-is-damaged",
    next: "backup",
  },
  unopenable: {
    severity: everyTier("critical"),
    reason: "nobody can open what was sealed, and a key is easier to find today than in a year",
    runbook: "a-key-is-missing",
    next: "check",
  },
  restoring: {
    severity: everyTier("critical"),
    reason: "somebody needs data back now and does not get them",
    runbook: "a-restore-failed",
    next: "list",
  },
  blocked: {
    severity: { critical: "critical", important: "critical", standard: "warning" },
    reason: "every further run fails as well until somebody fixes it",
    runbook: "every-run-fails",
    next: "check",
  },
  unreachable: {
    severity: { critical: "critical", important: "warning", standard: "warning" },
    reason: "it may come back by itself before the next run, but a critical source's recovery point is overdue by then",
    runbook: "the-source-or-the-vault-cannot-be-reached",
    next: "check",
  },
  passing: {
    severity: { critical: "critical", important: "warning", standard: "warning" },
    reason: "the next run may well succeed, but a critical source's recovery point is overdue by then",
    runbook: "a-run-failed",
    next: "again",
  },
  stopped: {
    severity: { critical: "warning", important: "warning", standard: "info" },
    reason: "somebody or a deadline stopped it; nothing was lost, and nothing was backed up",
    runbook: "a-run-was-stopped",
    next: "again",
  },
  busy: {
    severity: { critical: "warning", important: "info", standard: "info" },
    reason: "another run works on the source; only one that never ends is a problem, and the status shows that",
    runbook: "another-run-holds-the-lease",
    next: "status",
  },
  pruning: {
    severity: everyTier("warning"),
    reason: "nothing was deleted; but a refused plan can be the first sign of data lost at the source",
    runbook: "pruning-was-refused",
    next: "plan",
  },
  evidence: {
    severity: everyTier("warning"),
    reason: "the backup may be sound, but what proved it can no longer be read",
    runbook: "evidence-is-damaged",
    next: "reverify",
  },
  absent: {
    severity: { critical: "critical", important: "warning", standard: "warning" },
    reason: "what was asked for is not in the vault: there may be no backup at all",
    runbook: "there-is-no-backup",
    next: "list",
  },
  speechless: {
    severity: everyTier("critical"),
    reason: "the next failure will reach nobody",
    runbook: "an-alert-cannot-be-delivered",
    next: "drill",
  },
  disproven: {
    severity: everyTier("critical"),
    reason: "a backup does not restore to what was backed up: it may be worthless, and so may those made like it",
    runbook: "a-restore-test-failed",
    next: "show",
  },
  unproven: {
    severity: everyTier("warning"),
    reason:
      "the test lacked something, or an assertion failed on data that equal the source's: nothing is lost, and nothing is proven",
    runbook: "a-backup-could-not-be-proven",
    next: "show",
  },
  suspicious: {
    severity: { critical: "critical", important: "warning", standard: "warning" },
    reason: "far less was backed up than before: data may have been lost at the source, and pruning waits for an answer",
    runbook: "a-backup-is-suspicious",
    next: "show",
  },
  asked: {
    severity: everyTier("info"),
    reason: "a request was refused or its answer got lost; the backups are as they were",
    runbook: "a-request-was-refused",
    next: "status",
  },
} as const satisfies Record<string, AlertRule>;

export type FailureClass = keyof typeof failureRules;

const classes: Readonly<Partial<Record<ErrorName, FailureClass>>> = {
  AlertRefused: "speechless",
  AlertUndelivered: "speechless",
  ApprovalNeeded: "asked",
  ApprovalDenied: "asked",
  ApprovalExpired: "asked",
  ApprovalRefused: "asked",
  ArtifactArchived: "asked",
  ArtifactDamaged: "lost",
  ArtifactMissing: "lost",
  BackupDamaged: "lost",
  BackupNotFound: "absent",
  BackupSuspicious: "suspicious",
  BackupUnproven: "unproven",
  BucketNotFound: "blocked",
  ContainerStopped: "passing",
  ContentInvalid: "lost",
  DeadlineReached: "passing",
  DiskFull: "blocked",
  DumpFailed: "passing",
  EvidenceInvalid: "evidence",
  HoldActive: "asked",
  Internal: "blocked",
  Interrupted: "stopped",
  KeyFileInvalid: "blocked",
  KeyMissing: "unopenable",
  KeyUnavailable: "blocked",
  LeaseHeld: "busy",
  LeaseLost: "passing",
  ManifestDamaged: "lost",
  ObjectExists: "asked",
  ObjectNotFound: "absent",
  OutputFailed: "asked",
  PolicyInvalid: "blocked",
  PolicyNotFound: "blocked",
  PruneRefused: "pruning",
  RestoreDiffers: "disproven",
  RestoreFailed: "restoring",
  RequestNotFound: "asked",
  RestoreRefused: "asked",
  SealInvalid: "lost",
  SecretUnavailable: "blocked",
  SourceAccessDenied: "blocked",
  SourceNotFound: "blocked",
  SourceUnreachable: "unreachable",
  SourceUnsupported: "blocked",
  StoreAccessDenied: "blocked",
  StoreConflict: "passing",
  StoreUnavailable: "unreachable",
  TargetNotFound: "asked",
  ThrowawayFailed: "passing",
  ToolMissing: "blocked",
  UsageInvalid: "blocked",
  VaultDamaged: "lost",
  VaultInvalid: "blocked",
  VaultNotFound: "blocked",
};

/**
 * What Step Functions and Lambda call a step that ran out of its time: with more of it, or less to
 * do, the next one may succeed.
 */
const timeouts: readonly string[] = ["States.Timeout", "States.HeartbeatTimeout", "Sandbox.Timedout"];

/**
 * The class of an error by its name. One that the table does not name is judged by its entry in the
 * catalogue, and one that the catalogue does not know either (`States.TaskFailed`,
 * `Lambda.Unknown`) as `blocked`: loud rather than quiet.
 */
export function classOfFailure(errorName: string): FailureClass {
  if (timeouts.includes(errorName)) return "passing";
  if (!isErrorName(errorName)) return "blocked";
  const listed = classes[errorName];
  if (listed !== undefined) return listed;
  const { exitCode, retryable } = catalogue[errorName];
  if (exitCode === exitCodes.integrity) return "lost";
  return retryable ? "passing" : "blocked";
}

function isErrorName(name: string): name is ErrorName {
  return Object.hasOwn(catalogue, name);
}

/** What checks find that is no error: the same table for outcomes. */
export const outcomeRules = {
  damaged: failureRules.lost,
  disproven: failureRules.disproven,
  unproven: failureRules.unproven,
  suspicious: failureRules.suspicious,
  "prune refused": failureRules.pruning,
  "RTO missed": {
    severity: { critical: "critical", important: "warning", standard: "warning" },
    reason: "the data come back, but later than promised",
    runbook: "the-rto-is-missed",
    next: "show",
  },
  "approval needed": {
    severity: everyTier("warning"),
    reason: "somebody waits for a second person, and the request ends by itself",
    runbook: "a-request-waits-for-approval",
    next: "requests",
  },
  "approval given": {
    severity: everyTier("warning"),
    reason: "what it allows destroys something: those who know nothing of it can still stop it",
    runbook: "a-request-waits-for-approval",
    next: "requests",
  },
  "approval denied": {
    severity: everyTier("info"),
    reason: "nothing is done; those who asked want to know",
    runbook: "a-request-waits-for-approval",
    next: "requests",
  },
  "restore started": {
    severity: everyTier("warning"),
    reason: "a restore is rare: those who know nothing of it can still stop it",
    runbook: "a-restore-was-done",
    next: "show",
  },
  "restore under way": {
    severity: everyTier("info"),
    reason: "those who wait for the data want to know how far it is",
    runbook: "a-restore-was-done",
    next: "show",
  },
  "restore done": {
    severity: everyTier("warning"),
    reason: "a restore is rare, and one that nobody expects is how an intruder or a mistake looks",
    runbook: "a-restore-was-done",
    next: "status",
  },
  overdue: {
    severity: { critical: "critical", important: "warning", standard: "warning" },
    reason: "what should have run did not, and nobody noticed: silence looks like success",
    runbook: "something-did-not-run",
    next: "status",
  },
  "objective breached": {
    severity: { critical: "critical", important: "critical", standard: "warning" },
    reason: "what was promised of the source is not so at this moment",
    runbook: "an-objective-is-breached",
    next: "status",
  },
} as const satisfies Record<string, AlertRule>;

export type OutcomeName = keyof typeof outcomeRules;
