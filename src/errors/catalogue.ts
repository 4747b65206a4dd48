/**
 * The error catalogue: every error a user can meet. The name is the class that state machines
 * match; the code is what documentation and support use; neither ever changes its meaning. Kept in
 * alphabetical order of the names.
 */
// biome-ignore-all lint/style/noExcessiveLinesPerFile: one table, which is read by looking a name up.
import { exitCodes, type FailureExitCode } from "./exit-codes.ts";

export interface ErrorEntry {
  readonly code: `HF${number}`;
  readonly exitCode: FailureExitCode;
  /** Whether the same step may succeed when it is simply tried again. */
  readonly retryable: boolean;
  /** One imperative sentence; an error may carry a more precise one of its own. */
  readonly hint: string;
}

export const catalogue = {
  AdoptionRefused: {
    code: "HF507",
    exitCode: exitCodes.refused,
    retryable: false,
    hint: "Fix each line above, and deploy again with --param=vault=existing.",
  },
  AlertRefused: {
    code: "HF120",
    exitCode: exitCodes.failed,
    retryable: false,
    hint: "Give the policy a channel that takes alerts, and drill it with `holdfast alert test`.",
  },
  AlertUndelivered: {
    code: "HF121",
    exitCode: exitCodes.failed,
    retryable: true,
    hint: "Check that this machine may connect to the channel, and drill it with `holdfast alert test`.",
  },
  ApprovalDenied: {
    code: "HF511",
    exitCode: exitCodes.refused,
    retryable: false,
    hint: "Nothing was touched. Talk to the person who denied it, and ask again.",
  },
  ApprovalExpired: {
    code: "HF512",
    exitCode: exitCodes.refused,
    retryable: false,
    hint: "Nothing was touched. Ask again, and tell an approver of it.",
  },
  ApprovalNeeded: {
    code: "HF508",
    exitCode: exitCodes.refused,
    retryable: false,
    hint: "Ask an approver of the policy to answer it with `holdfast approve`, and run the same command again.",
  },
  ApprovalRefused: {
    code: "HF509",
    exitCode: exitCodes.refused,
    retryable: false,
    hint: "See the request and its answers with `holdfast requests --all`.",
  },
  ArtifactArchived: {
    code: "HF126",
    exitCode: exitCodes.failed,
    retryable: false,
    hint: "Bring the backup's artifacts back with `aws s3api restore-object`, wait for the hours that takes, and run this again (docs/immutability.md).",
  },
  ArtifactDamaged: {
    code: "HF401",
    exitCode: exitCodes.integrity,
    retryable: false,
    hint: "Do not rely on this backup; find the newest good one with `holdfast list` and keep this one for analysis.",
  },
  ArtifactMissing: {
    code: "HF402",
    exitCode: exitCodes.integrity,
    retryable: false,
    hint: "Find the newest good backup with `holdfast list`, and look in the vault's access log for who deleted the object.",
  },
  BackupDamaged: {
    code: "HF405",
    exitCode: exitCodes.integrity,
    retryable: false,
    hint: "Use the newest good backup from `holdfast list`, and take a new one now with `holdfast backup`.",
  },
  BackupNotFound: {
    code: "HF301",
    exitCode: exitCodes.notFound,
    retryable: false,
    hint: "List what there is with `holdfast list`.",
  },
  BackupSuspicious: {
    code: "HF117",
    exitCode: exitCodes.failed,
    retryable: false,
    hint: 'Look at it with `holdfast show`; if the drop is expected, accept it with `holdfast verify <backup> --accept "<why>"`.',
  },
  BackupUnproven: {
    code: "HF118",
    exitCode: exitCodes.failed,
    retryable: false,
    hint: "See with `holdfast show` what the test lacked or which assertion failed, fix it and run the restore test again.",
  },
  BucketNotFound: {
    code: "HF308",
    exitCode: exitCodes.notFound,
    retryable: false,
    hint: "Create the bucket, or correct the vault's address in the policy: Holdfast makes vaults in buckets, but no buckets.",
  },
  ContainerStopped: {
    code: "HF127",
    exitCode: exitCodes.failed,
    retryable: true,
    hint: "Fix what Amazon ECS's reason names (the image, the network, memory), then start the run again.",
  },
  ContainersMissing: {
    code: "HF128",
    exitCode: exitCodes.failed,
    retryable: false,
    hint: "Build the containers' image, deploy again with --param=image=REPOSITORY@sha256:DIGEST (docs/deploy.md), then start the run again: it goes on in Fargate.",
  },
  ContentInvalid: {
    code: "HF406",
    exitCode: exitCodes.integrity,
    retryable: false,
    hint: "Use the newest good backup from `holdfast list`, and take a new one now with `holdfast backup`.",
  },
  DeadlineReached: {
    code: "HF119",
    exitCode: exitCodes.failed,
    retryable: false,
    hint: "Run the step where it has more time: a stack with containers (--param=image) continues in Fargate by itself.",
  },
  DiskFull: {
    code: "HF104",
    exitCode: exitCodes.failed,
    retryable: false,
    hint: "Free space there, or point the operation at a larger disk, and run it again.",
  },
  DumpFailed: {
    code: "HF105",
    exitCode: exitCodes.failed,
    retryable: true,
    hint: "Fix the cause named above and run the backup again; nothing was committed to the vault.",
  },
  ErasuresRefused: {
    code: "HF510",
    exitCode: exitCodes.refused,
    retryable: false,
    hint: "Add the tables that still point to what was erased with `holdfast erase add`, and restore again; or take the copy as it is with --without-erasures (docs/erasures.md).",
  },
  ErasuresUnreadable: {
    code: "HF411",
    exitCode: exitCodes.integrity,
    retryable: false,
    hint: "Look who changed the ledger, bring its entries back from a copy of the vault, and restore again; or replay what can be read with --without-erasures (docs/erasures.md).",
  },
  EvidenceInvalid: {
    code: "HF407",
    exitCode: exitCodes.integrity,
    retryable: false,
    hint: "Find out who wrote to the vault, move that object out of it, then read the backup back with `holdfast verify`.",
  },
  ExecutionExists: {
    code: "HF506",
    exitCode: exitCodes.refused,
    retryable: false,
    hint: "Follow the one that is there with `holdfast follow`, or wait a second and start another.",
  },
  ExecutionFailed: {
    code: "HF123",
    exitCode: exitCodes.failed,
    retryable: false,
    hint: "Read the cause above, then the history of the execution in the Step Functions console.",
  },
  ExecutionNotFound: {
    code: "HF306",
    exitCode: exitCodes.notFound,
    retryable: false,
    hint: "Name the execution's ARN as the start, the alert or the console shows it; AWS keeps executions for 90 days.",
  },
  HoldActive: {
    code: "HF501",
    exitCode: exitCodes.refused,
    retryable: false,
    hint: "See who holds it and why with `holdfast hold list`.",
  },
  Internal: {
    code: "HF100",
    exitCode: exitCodes.failed,
    retryable: false,
    hint: "This is a defect of Holdfast: please report it with the command and this message.",
  },
  Interrupted: {
    code: "HF130",
    exitCode: exitCodes.interrupted,
    retryable: true,
    hint: "Run the command again; what was half done has been removed.",
  },
  KeyFileInvalid: {
    code: "HF202",
    exitCode: exitCodes.usage,
    retryable: false,
    hint: "Point the policy's keys at a key file written by `holdfast init`, readable by its owner only.",
  },
  KeyMissing: {
    code: "HF409",
    exitCode: exitCodes.integrity,
    retryable: false,
    hint: "Add the key that sealed this backup to the policy's keys: the first one seals, all of them open.",
  },
  KeyUnavailable: {
    code: "HF106",
    exitCode: exitCodes.integrity,
    retryable: false,
    hint: "Check that the key file can be read, or that this identity may use the KMS key, then run the operation again.",
  },
  LeaseHeld: {
    code: "HF502",
    exitCode: exitCodes.refused,
    retryable: true,
    hint: "Wait until the other run ends; a run that died releases its lease when it expires.",
  },
  LeaseLost: {
    code: "HF107",
    exitCode: exitCodes.failed,
    retryable: true,
    hint: "Run the operation again; nothing was committed, and the newer run's result stands.",
  },
  ManifestDamaged: {
    code: "HF403",
    exitCode: exitCodes.integrity,
    retryable: false,
    hint: "Do not rely on this backup; find the newest good one with `holdfast list`.",
  },
  ObjectExists: {
    code: "HF503",
    exitCode: exitCodes.refused,
    retryable: false,
    hint: "Objects in a vault are never overwritten; run the operation again, which takes a new name.",
  },
  ObjectNotFound: {
    code: "HF302",
    exitCode: exitCodes.notFound,
    retryable: false,
    hint: "Check the vault's address in the policy and what is there with `holdfast list`.",
  },
  OutputFailed: {
    code: "HF116",
    exitCode: exitCodes.failed,
    retryable: false,
    hint: "Make room where the output goes, and ask again with `holdfast list` or `holdfast show`: the operation itself is over.",
  },
  PolicyInvalid: {
    code: "HF203",
    exitCode: exitCodes.usage,
    retryable: false,
    hint: "Fix the lines listed above; docs/policy-reference.md describes every key.",
  },
  PolicyNotFound: {
    code: "HF204",
    exitCode: exitCodes.usage,
    retryable: false,
    hint: "Write one with `holdfast init`, or name yours with --policy.",
  },
  PruneRefused: {
    code: "HF504",
    exitCode: exitCodes.refused,
    retryable: false,
    hint: "Look at the plan with `holdfast prune --dry-run` and fix what it names.",
  },
  RequestNotFound: {
    code: "HF309",
    exitCode: exitCodes.notFound,
    retryable: false,
    hint: "List the open requests with `holdfast requests`, and those that are over with --all.",
  },
  RestoreDiffers: {
    code: "HF408",
    exitCode: exitCodes.integrity,
    retryable: false,
    hint: "Do not put the restored copy to use before the differences above are explained.",
  },
  RestoreFailed: {
    code: "HF108",
    exitCode: exitCodes.failed,
    retryable: false,
    hint: "The target is left as described above, and the backup is untouched; fix the cause and restore again.",
  },
  RestoreRefused: {
    code: "HF505",
    exitCode: exitCodes.refused,
    retryable: false,
    hint: "Restore to a new target, or ask for the overwrite with --overwrite.",
  },
  SealInvalid: {
    code: "HF404",
    exitCode: exitCodes.integrity,
    retryable: false,
    hint: "Do not rely on this backup; find the newest good one with `holdfast list`.",
  },
  SecretUnavailable: {
    code: "HF205",
    exitCode: exitCodes.usage,
    retryable: false,
    hint: "Set the environment variable, or create the file or service entry that the policy names.",
  },
  SelectionNotFound: {
    code: "HF310",
    exitCode: exitCodes.notFound,
    retryable: false,
    hint: "See with `holdfast find` which backups hold it, and under which name.",
  },
  SourceAccessDenied: {
    code: "HF109",
    exitCode: exitCodes.failed,
    retryable: false,
    hint: "Give the user or role that Holdfast works as the rights that the page of its engine lists in docs/, then run `holdfast check`.",
  },
  SourceNotFound: {
    code: "HF303",
    exitCode: exitCodes.notFound,
    retryable: false,
    hint: "See the policy for the names of its sources.",
  },
  SourceUnreachable: {
    code: "HF110",
    exitCode: exitCodes.failed,
    retryable: true,
    hint: "Check that the source runs and that this machine may connect to it, then run `holdfast check`.",
  },
  SourceUnsupported: {
    code: "HF206",
    exitCode: exitCodes.usage,
    retryable: false,
    hint: "See the page of its engine in docs/ for the versions and features that are supported.",
  },
  StackAccessDenied: {
    code: "HF124",
    exitCode: exitCodes.failed,
    retryable: false,
    hint: "Sign in as somebody who may operate the stack; docs/command-line.md lists the rights.",
  },
  StackNotFound: {
    code: "HF307",
    exitCode: exitCodes.notFound,
    retryable: false,
    hint: "Check the name after --stack, and the region and the account that these credentials belong to.",
  },
  StackUnavailable: {
    code: "HF125",
    exitCode: exitCodes.failed,
    retryable: true,
    hint: "Check this machine's connection to AWS, then run the command again.",
  },
  StoreAccessDenied: {
    code: "HF111",
    exitCode: exitCodes.failed,
    retryable: false,
    hint: "Check this identity's rights on the vault with `holdfast check`.",
  },
  StoreConflict: {
    code: "HF112",
    exitCode: exitCodes.failed,
    retryable: true,
    hint: "Another writer was faster; run the operation again.",
  },
  StoreUnavailable: {
    code: "HF113",
    exitCode: exitCodes.failed,
    retryable: true,
    hint: "Check that the vault's storage can be reached, then run the operation again.",
  },
  TargetNotFound: {
    code: "HF304",
    exitCode: exitCodes.notFound,
    retryable: false,
    hint: "Check the name of the target after --to.",
  },
  ThrowawayFailed: {
    code: "HF114",
    exitCode: exitCodes.failed,
    retryable: true,
    hint: "Fix the cause named above and run the test again; this run says nothing about the backup.",
  },
  ToolKilled: {
    code: "HF122",
    exitCode: exitCodes.failed,
    retryable: true,
    hint: "Run the operation again; when it happens again, look in the kernel's log for the out-of-memory killer.",
  },
  ToolMissing: {
    code: "HF115",
    exitCode: exitCodes.failed,
    retryable: false,
    hint: 'Install the package named above, or name the directory of its programs (docs/operations.md, "Environment").',
  },
  UsageInvalid: {
    code: "HF201",
    exitCode: exitCodes.usage,
    retryable: false,
    hint: "See `holdfast help` and `holdfast <command> --help`.",
  },
  VaultDamaged: {
    code: "HF410",
    exitCode: exitCodes.integrity,
    retryable: false,
    hint: "Find out who wrote to the vault or deleted from it, and bring the object back as docs/vault-format.md says.",
  },
  VaultInvalid: {
    code: "HF207",
    exitCode: exitCodes.usage,
    retryable: false,
    hint: "Check that the policy names the right vault; docs/vault-format.md describes what one holds.",
  },
  VaultNotFound: {
    code: "HF305",
    exitCode: exitCodes.notFound,
    retryable: false,
    hint: "Check the vault's address in the policy; the first `holdfast backup` creates an empty vault.",
  },
} as const satisfies Record<string, ErrorEntry>;

/** The class names in the catalogue; state machines match these literals. */
export type ErrorName = keyof typeof catalogue;
