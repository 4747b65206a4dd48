/**
 * The calls that the rights' test tries: what an intruder in a function would reach for. Those that
 * are allowed do no harm.
 */
import { randomUUID } from "node:crypto";
import {
  DecryptCommand,
  DisableKeyCommand,
  GenerateDataKeyCommand,
  GetPublicKeyCommand,
  PutKeyPolicyCommand,
  ScheduleKeyDeletionCommand,
  SignCommand,
} from "@aws-sdk/client-kms";
import { InvokeCommand, UpdateFunctionConfigurationCommand } from "@aws-sdk/client-lambda";
import {
  DeleteBucketPolicyCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectLegalHoldCommand,
  PutObjectLockConfigurationCommand,
  PutObjectRetentionCommand,
  PutPublicAccessBlockCommand,
} from "@aws-sdk/client-s3";
import { GetSecretValueCommand, PutSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { StartExecutionCommand } from "@aws-sdk/client-sfn";
import { PublishCommand } from "@aws-sdk/client-sns";
import { account, region, stackName } from "../../scripts/cloud-stack.ts";
import type { Clients, TestCloud } from "./cloud.ts";
import { executionsOf, machineArn } from "./executions.ts";
import { vaultBucket } from "./policy.ts";
import { keysIn } from "./vault.ts";

/** `allowed`, `denied`, or the name of another error. */
export type Answer = string;

export interface Attempt {
  readonly call: string;
  /** Logical ids of the roles that may. */
  readonly allowed: readonly string[];
  /** Succeeds for the account's root, without harm. */
  readonly harmless: boolean;
  as(clients: Clients): Promise<Answer>;
}

/** What the calls are about. */
export interface Subjects {
  /** A locked artifact of taskmaster, its version, and the key of its manifest. */
  readonly artifact: string;
  readonly versionId: string;
  readonly manifest: string;
  readonly billingEvidence: string;
  readonly sealingKey: string;
  readonly storageKey: string;
  readonly signingKey: string;
  /**
   * Of executions of the backup machine and of the restore machine: their names cannot be taken
   * again.
   */
  readonly backupName: string;
  readonly restoreName: string;
  /** Data keys of taskmaster's and of billing's, as KMS wrapped them. */
  readonly wrapped: Uint8Array;
  readonly wrappedOfBilling: Uint8Array;
}

const taskmaster = { "holdfast:source": "taskmaster" };
const billing = { "holdfast:source": "billing" };

export async function findSubjects(cloud: TestCloud): Promise<Subjects> {
  const [artifact = ""] = await keysIn(cloud, "artifacts/taskmaster/");
  const [manifest = ""] = await keysIn(cloud, "manifests/taskmaster/");
  const { Versions } = await cloud.clients.s3.send(new ListObjectVersionsCommand({ Bucket: vaultBucket, Prefix: artifact }));
  const [billingEvidence = ""] = await keysIn(cloud, "evidence/billing/");
  const wrap = (EncryptionContext: Record<string, string>) =>
    cloud.clients.kms.send(new GenerateDataKeyCommand({ KeyId: "alias/acme-backups", KeySpec: "AES_256", EncryptionContext }));
  const { CiphertextBlob, KeyId = "" } = await wrap(taskmaster);
  const ofBilling = await wrap(billing);
  const physical = await cloud.resources();
  const storage = [...physical].find(([logical]) => /^StorageKey(?!.*Alias)/.test(logical))?.[1] ?? "";
  return {
    artifact,
    versionId: Versions?.[0]?.VersionId ?? "",
    manifest,
    billingEvidence,
    sealingKey: KeyId,
    storageKey: storage,
    signingKey: [...physical].find(([logical]) => /^SigningKey(?!.*Alias)/.test(logical))?.[1] ?? "",
    backupName: (await executionsOf(cloud, "backup", ""))[0]?.name ?? "",
    restoreName: (await executionsOf(cloud, "restore", ""))[0]?.name ?? "",
    wrapped: CiphertextBlob ?? new Uint8Array(),
    wrappedOfBilling: ofBilling.CiphertextBlob ?? new Uint8Array(),
  };
}

/** What opens backups of taskmaster. */
const readers = ["ProveTaskmasterRole", "RestoreRole"];
const deciders = ["PlanRole", "DueRole"];
const tellers = ["NotifyRole", "OnExecutionRole", "WatchRole"];
/**
 * What tells genuine evidence from other: asks KMS for the public half, which the policy has not.
 */
const checkers = [
  ...deciders,
  "DumpTaskmasterRole",
  "DumpBillingRole",
  "ProveTaskmasterRole",
  "ProveBillingRole",
  "RecordRole",
  "RestoreRole",
  "EraseAddRole",
  "PruneRole",
  ...tellers,
];
const tomorrow = (): Date => new Date(Date.now() + 86_400_000);
const hundredYears = (): Date => new Date(Date.now() + 3_000 * 86_400_000);

export function attemptsIn(subjects: Subjects): readonly Attempt[] {
  return [...objectAttempts(subjects), ...bucketAttempts(), ...keyAttempts(subjects), ...otherAttempts(subjects)];
}

function objectAttempts({ artifact, versionId, manifest, billingEvidence }: Subjects): Attempt[] {
  const Bucket = vaultBucket;
  const put = (Key: string, IfNoneMatch?: string) =>
    new PutObjectCommand({ Bucket, Key, Body: "x", ...(IfNoneMatch === undefined ? {} : { IfNoneMatch }) });
  const state = `${Bucket}-state`;
  const unsigned = `${stackName}/unsigned`;
  const finding = (source: string) =>
    new PutObjectCommand({ Bucket: state, Key: `${unsigned}/${source}/none/none/${unique()}`, Body: "x" });
  const version = { Bucket, Key: artifact, VersionId: versionId };
  const retention = (RetainUntilDate: Date) => ({ Retention: { Mode: "GOVERNANCE" as const, RetainUntilDate } });
  return [
    // Nobody has such a key: what is tried is the right alone.
    attempt(
      "delete an artifact",
      ["PruneRole"],
      ({ s3 }) => s3.send(new DeleteObjectCommand({ Bucket, Key: "artifacts/taskmaster/none/none" })),
      true,
    ),
    attempt("delete a version of an artifact", ["PruneRole"], ({ s3 }) =>
      s3.send(new DeleteObjectCommand({ Bucket, Key: "artifacts/taskmaster/none/none", VersionId: "none" })),
    ),
    attempt(
      "delete a manifest",
      ["PruneRole"],
      ({ s3 }) => s3.send(new DeleteObjectCommand({ Bucket, Key: "manifests/taskmaster/none.json" })),
      true,
    ),
    attempt("delete a locked version", [], ({ s3 }) => s3.send(new DeleteObjectCommand(version))),
    attempt("delete a locked version, bypassing governance", [], ({ s3 }) =>
      s3.send(new DeleteObjectCommand({ ...version, BypassGovernanceRetention: true })),
    ),
    attempt("overwrite an artifact", [], ({ s3 }) => s3.send(put(artifact))),
    attempt("overwrite a manifest", [], ({ s3 }) => s3.send(put(manifest))),
    attempt("write a new artifact of billing", ["DumpBillingRole"], ({ s3 }) =>
      s3.send(put(`artifacts/billing/none/${unique()}`, "*")),
    ),
    attempt("write a new manifest of taskmaster", ["DumpTaskmasterRole", "PruneRole"], ({ s3 }) =>
      s3.send(put(`manifests/taskmaster/none-${unique()}`, "*")),
    ),
    attempt("write evidence of taskmaster", ["RecordRole"], ({ s3 }) => s3.send(put(`evidence/taskmaster/none/${unique()}`, "*"))),
    attempt("write an erasure", ["EraseAddRole"], ({ s3 }) => s3.send(put(`erasures/none/${unique()}`, "*"))),
    attempt("overwrite an erasure", [], ({ s3 }) => s3.send(put("erasures/shop-eu/0000000001.json"))),
    attempt(
      "read an erasure",
      ["EraseAddRole", "RestoreRole"],
      ({ s3 }) => s3.send(new GetObjectCommand({ Bucket, Key: "erasures/shop-eu/0000000001.json" })),
      true,
    ),
    attempt("write a tombstone", ["PruneRole"], ({ s3 }) => s3.send(put(`tombstones/taskmaster/${unique()}`, "*"))),
    attempt("hand over a finding of taskmaster", readers, ({ s3 }) => s3.send(finding("taskmaster"))),
    attempt("hand over a finding of billing", ["ProveBillingRole", "RestoreRole"], ({ s3 }) => s3.send(finding("billing"))),
    attempt("read what was handed over", ["RecordRole"], ({ s3 }) =>
      s3.send(new GetObjectCommand({ Bucket: state, Key: `${unsigned}/taskmaster/none/none/none` })),
    ),
    attempt("take a read mark of billing away", ["ProveBillingRole", "RecordRole", "RestoreRole", "PruneRole"], ({ s3 }) =>
      s3.send(new DeleteObjectCommand({ Bucket: state, Key: `leases/reading/billing/none/${unique()}.json` })),
    ),
    attempt("write a legal hold", [], ({ s3 }) => s3.send(put(`holds/taskmaster/${unique()}.json`, "*"))),
    attempt(
      "read an artifact of taskmaster",
      ["DumpTaskmasterRole", ...readers, "PruneRole"],
      ({ s3 }) => s3.send(new GetObjectCommand({ Bucket, Key: artifact })),
      true,
    ),
    attempt(
      "read evidence of billing",
      [...deciders, "ProveBillingRole", "RecordRole", "RestoreRole", "PruneRole", ...tellers],
      ({ s3 }) => s3.send(new GetObjectCommand({ Bucket, Key: billingEvidence })),
      true,
    ),
    attempt("shorten a lock", [], ({ s3 }) => s3.send(new PutObjectRetentionCommand({ ...version, ...retention(tomorrow()) }))),
    attempt("shorten a lock, bypassing governance", [], ({ s3 }) =>
      s3.send(new PutObjectRetentionCommand({ ...version, ...retention(tomorrow()), BypassGovernanceRetention: true })),
    ),
    attempt(
      "extend a lock",
      ["DumpTaskmasterRole", "PruneRole"],
      ({ s3 }) => s3.send(new PutObjectRetentionCommand({ ...version, ...retention(hundredYears()) })),
      true,
    ),
    attempt("lift a legal hold", [], ({ s3 }) =>
      s3.send(new PutObjectLegalHoldCommand({ ...version, LegalHold: { Status: "OFF" } })),
    ),
  ];
}

function bucketAttempts(): Attempt[] {
  const Bucket = vaultBucket;
  const open = { BlockPublicAcls: false, BlockPublicPolicy: false, IgnorePublicAcls: false, RestrictPublicBuckets: false };
  const Policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: `arn:aws:s3:::${Bucket}/*` }],
  });
  return [
    attempt("give the bucket another policy", [], ({ s3 }) => s3.send(new PutBucketPolicyCommand({ Bucket, Policy }))),
    attempt("take the bucket's policy away", [], ({ s3 }) => s3.send(new DeleteBucketPolicyCommand({ Bucket }))),
    attempt("open the bucket to the public", [], ({ s3 }) =>
      s3.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: open })),
    ),
    attempt("suspend versioning", [], ({ s3 }) =>
      s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Suspended" } })),
    ),
    attempt("change the bucket's locks", [], ({ s3 }) =>
      s3.send(new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration: { ObjectLockEnabled: "Enabled" } })),
    ),
  ];
}

function keyAttempts({ sealingKey, storageKey, signingKey, wrapped, wrappedOfBilling }: Subjects): Attempt[] {
  const statement = {
    KeyId: signingKey,
    Message: Buffer.from("holdfast statement 1"),
    MessageType: "RAW",
    SigningAlgorithm: "ECDSA_SHA_256",
  } as const;
  const seal = (source: string) =>
    new GenerateDataKeyCommand({ KeyId: sealingKey, KeySpec: "AES_256", EncryptionContext: { "holdfast:source": source } });
  const erasure = new GenerateDataKeyCommand({
    KeyId: sealingKey,
    KeySpec: "AES_256",
    EncryptionContext: { "holdfast:artifact": "erasure" },
  });
  return [
    // As the AWS Encryption SDK asks: the key is named. The emulator does not find a multi-Region
    // key in what it sealed.
    attempt(
      "unseal a backup of taskmaster",
      readers,
      ({ kms }) => kms.send(new DecryptCommand({ KeyId: sealingKey, CiphertextBlob: wrapped, EncryptionContext: taskmaster })),
      true,
    ),
    attempt(
      "unseal a backup of billing",
      ["ProveBillingRole", "RestoreRole"],
      ({ kms }) =>
        kms.send(new DecryptCommand({ KeyId: sealingKey, CiphertextBlob: wrappedOfBilling, EncryptionContext: billing })),
      true,
    ),
    attempt("seal for taskmaster", ["DumpTaskmasterRole"], ({ kms }) => kms.send(seal("taskmaster")), true),
    attempt("seal for billing", ["DumpBillingRole"], ({ kms }) => kms.send(seal("billing")), true),
    attempt("seal an erasure", ["EraseAddRole"], ({ kms }) => kms.send(erasure), true),
    attempt(
      "sign a statement",
      ["RecordRole", "PruneRole", "EraseAddRole"],
      ({ kms }) => kms.send(new SignCommand(statement)),
      true,
    ),
    attempt(
      "ask for the signing key's public half",
      checkers,
      ({ kms }) => kms.send(new GetPublicKeyCommand({ KeyId: signingKey })),
      true,
    ),
    ...Object.entries({ "the sealing key": sealingKey, "the storage key": storageKey, "the signing key": signingKey }).flatMap(
      ([which, KeyId]) => [
        attempt(`schedule the deletion of ${which}`, [], ({ kms }) =>
          kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 })),
        ),
        attempt(`disable ${which}`, [], ({ kms }) => kms.send(new DisableKeyCommand({ KeyId }))),
        attempt(`change the policy of ${which}`, [], ({ kms }) =>
          kms.send(new PutKeyPolicyCommand({ KeyId, PolicyName: "default", Policy: "{}" })),
        ),
      ],
    ),
  ];
}

function otherAttempts({ backupName, restoreName }: Subjects): Attempt[] {
  const dryRun = (FunctionName: string) =>
    new InvokeCommand({ FunctionName: `${stackName}-${FunctionName}`, InvocationType: "DryRun" });
  const secret = (SecretId: string) => new GetSecretValueCommand({ SecretId });
  const TopicArn = `arn:aws:sns:${region}:${account}:${stackName}-info`;
  const start = (machine: string, name: string) =>
    new StartExecutionCommand({ stateMachineArn: machineArn(machine), name, input: JSON.stringify({ source: "nobody's" }) });
  return [
    attempt(
      "read the password of taskmaster",
      ["DumpTaskmasterRole", "RestoreRole"],
      ({ secrets }) => secrets.send(secret("taskmaster/db")),
      true,
    ),
    attempt(
      "read the password of billing",
      ["DumpBillingRole", "RestoreRole"],
      ({ secrets }) => secrets.send(secret("billing/db")),
      true,
    ),
    attempt("read the webhook", ["SlackRole"], ({ secrets }) => secrets.send(secret("slack-webhook")), true),
    attempt("change a secret", [], ({ secrets }) =>
      secrets.send(new PutSecretValueCommand({ SecretId: "taskmaster/db", SecretString: "x" })),
    ),
    attempt("change a function", [], ({ lambda }) =>
      lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName: `${stackName}-prune`, Timeout: 1 })),
    ),
    attempt("call erase-add", [], ({ lambda }) => lambda.send(dryRun("erase-add"))),
    attempt("call prune", ["BackupMachineRole"], ({ lambda }) => lambda.send(dryRun("prune")), true),
    attempt(
      "call record",
      ["BackupMachineRole", "RestoreTestMachineRole", "RestoreMachineRole", "VerifyMachineRole"],
      ({ lambda }) => lambda.send(dryRun("record")),
      true,
    ),
    attempt("call restore", ["RestoreMachineRole"], ({ lambda }) => lambda.send(dryRun("restore")), true),
    attempt("call the dump of billing", ["BackupMachineRole"], ({ lambda }) => lambda.send(dryRun("dump-billing")), true),
    attempt(
      "call what proves billing",
      ["BackupMachineRole", "RestoreTestMachineRole", "VerifyMachineRole"],
      ({ lambda }) => lambda.send(dryRun("prove-billing")),
      true,
    ),
    attempt("call start", ["SchedulerRole"], ({ lambda }) => lambda.send(dryRun("start")), true),
    attempt("start the backup machine", ["StartRole", "FleetMachineRole"], ({ sfn }) => sfn.send(start("backup", backupName))),
    attempt("start the restore machine", [], ({ sfn }) => sfn.send(start("restore", restoreName))),
    attempt("publish an alert", tellers, ({ sns }) => sns.send(new PublishCommand({ TopicArn, Message: "{}" }))),
  ];
}

/** What a role is refused for another reason than its rights, it had the right to. */
const afterAuthorization = ["ExecutionAlreadyExists", "NoSuchKey", "NoSuchVersion", "InvalidArgument"];
const refusals = ["AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException"];

function attempt(call: string, allowed: readonly string[], ask: (clients: Clients) => Promise<unknown>, harmless = false): Attempt {
  return {
    call,
    allowed,
    harmless,
    async as(clients) {
      try {
        await ask(clients);
        return "allowed";
      } catch (error) {
        const { name, message } = error as Error;
        if (refusals.includes(name)) return "denied";
        return afterAuthorization.includes(name) ? "allowed" : `${name}: ${message}`;
      }
    },
  };
}

/** Each write needs a key that nobody has written. */
const unique = (): string => randomUUID();
