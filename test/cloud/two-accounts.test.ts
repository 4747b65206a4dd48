/**
 * A vault in a second account: the first adds and reads, and that is all that it can do; the second
 * prunes; each stack goes and comes again, and nothing is lost.
 */
import { join } from "node:path";
import { DisableKeyCommand, EnableKeyCommand, PutKeyPolicyCommand, ScheduleKeyDeletionCommand } from "@aws-sdk/client-kms";
import {
  CreateBucketCommand,
  DeleteBucketEncryptionCommand,
  DeleteBucketPolicyCommand,
  DeleteObjectCommand,
  GetBucketEncryptionCommand,
  GetBucketPolicyCommand,
  GetObjectCommand,
  ListBucketsCommand,
  ListObjectVersionsCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectLegalHoldCommand,
  PutObjectRetentionCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findAccount } from "../../infra/adoption/clients.ts";
import { inspectVault, refuseWeakVault } from "../../infra/adoption/inspect-vault.ts";
import { region, rootEnvironment, stackName } from "../../scripts/cloud-stack.ts";
import { deploy } from "../infra/deployments.ts";
import { runOk, waitFor } from "../support/processes.ts";
import type { Clients } from "./cloud.ts";
import { nameOf, withRole } from "./emulator.ts";
import { execute } from "./executions.ts";
import { owner, policyText, startTwoAccounts, type TwoAccounts, vaultBucket } from "./two-accounts.ts";

const Bucket = vaultBucket;
const everything = { Action: "*", Resource: "*" };
/** Two deployments and four runs, which take minutes each on a busy machine. */
const busyMs = 3_000_000;
let cloud: TwoAccounts;
let prunedEmpty: unknown;
let backup: Awaited<ReturnType<typeof execute>>;
let proof: Awaited<ReturnType<typeof execute>>;
const brief: string[] = [];

const backUp = (source: string) => execute(cloud, "backup", { source, kind: "full" });
const idOf = ({ output }: { readonly output: unknown }): string => (output as { readonly backupId: string }).backupId;

beforeAll(async () => {
  cloud = await startTwoAccounts("desk");
  prunedEmpty = await cloud.prune("shop");
  await cloud.deploy();
  brief.push(idOf(await backUp("brief")));
  backup = await backUp("shop");
  brief.push(idOf(await backUp("brief")));
  proof = await execute(cloud, "restore-test", { source: "shop", backup: "latest" });
}, busyMs);

afterAll(async () => {
  await cloud?.[Symbol.asyncDispose]();
});

interface Version {
  readonly Key: string;
  readonly VersionId: string;
}

async function versionsOf(prefix: string): Promise<Version[]> {
  const { Versions = [] } = await cloud.owners.s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: prefix }));
  return Versions.map(({ Key = "", VersionId = "" }) => ({ Key, VersionId }));
}

/** As a person of the first account, who may do everything there. */
async function list(name: string): Promise<readonly { readonly id: string; readonly state: string }[]> {
  return withRole(
    cloud,
    name,
    everything,
    async ({ s3 }) => {
      const { accessKeyId, secretAccessKey, sessionToken = "" } = await s3.config.credentials();
      const own = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken };
      const env = { ...process.env, ...rootEnvironment(cloud.endpoint), ...own };
      const launcher = join(import.meta.dirname, "../../bin/holdfast.mjs");
      const said = await runOk(process.execPath, [launcher, "--stack", stackName, "--json", "list"], { env });
      return (JSON.parse(said) as { backups: { id: string; state: string }[] }).backups;
    },
    "/",
  );
}

test("the owner's daily prune finds nothing before the first backup, and does not fail", () => {
  expect(prunedEmpty).toEqual({ source: "shop", deleted: 0, kept: 0, sweptObjects: 0 });
});

test("backups of the first account lie in the second's bucket, read back, and are proven from there", async () => {
  expect(backup).toMatchObject({ status: "SUCCEEDED", output: { outcome: "verified", deleted: 0 } });
  expect(proof).toMatchObject({ status: "SUCCEEDED", output: { outcome: "proven", rows: 500 } });
  const names = async ({ s3 }: Clients) => ((await s3.send(new ListBucketsCommand({}))).Buckets ?? []).map(({ Name }) => Name);
  expect(await names(cloud.owners)).toEqual(expect.arrayContaining([Bucket, `${Bucket}-state`]));
  expect(await names(cloud.clients)).not.toContain(Bucket);
  expect((await versionsOf("artifacts/shop/")).length).toBeGreaterThan(1);
});

describe("the first account", () => {
  let manifest: Version;
  let bucketPolicy: string;
  let sealingKey: string;
  beforeAll(async () => {
    [manifest] = (await versionsOf(`manifests/shop/${idOf(backup)}`)) as [Version];
    bucketPolicy = (await cloud.owners.s3.send(new GetBucketPolicyCommand({ Bucket }))).Policy ?? "";
    const { Body } = await cloud.owners.s3.send(new GetObjectCommand({ Bucket, Key: manifest.Key }));
    sealingKey = /arn:aws:kms:[a-z0-9-]+:222222222222:key\/[\w-]+/.exec((await Body?.transformToString()) ?? "")?.[0] ?? "";
    expect(sealingKey).not.toBe("");
  });

  const soon = () => new Date(Date.now() + 60_000);
  /** What somebody would try who has the first account, by what it would do. */
  const attempts: readonly (readonly [string, (clients: Clients) => Promise<unknown>])[] = [
    ["hide a manifest", ({ s3 }) => s3.send(new DeleteObjectCommand({ Bucket, Key: manifest.Key }))],
    ["delete its version", ({ s3 }) => s3.send(new DeleteObjectCommand({ Bucket, ...manifest }))],
    [
      "delete it past its lock",
      ({ s3 }) => s3.send(new DeleteObjectCommand({ Bucket, ...manifest, BypassGovernanceRetention: true })),
    ],
    ["write over it", ({ s3 }) => s3.send(new PutObjectCommand({ Bucket, Key: manifest.Key, Body: "{}" }))],
    [
      "shorten its lock",
      ({ s3 }) =>
        s3.send(
          new PutObjectRetentionCommand({
            Bucket,
            ...manifest,
            BypassGovernanceRetention: true,
            Retention: { Mode: "GOVERNANCE", RetainUntilDate: soon() },
          }),
        ),
    ],
    ["hold it", ({ s3 }) => s3.send(new PutObjectLegalHoldCommand({ Bucket, Key: manifest.Key, LegalHold: { Status: "ON" } }))],
    ["write the bucket's policy", ({ s3 }) => s3.send(new PutBucketPolicyCommand({ Bucket, Policy: bucketPolicy }))],
    ["delete the bucket's policy", ({ s3 }) => s3.send(new DeleteBucketPolicyCommand({ Bucket }))],
    [
      "stop versions",
      ({ s3 }) => s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Suspended" } })),
    ],
    [
      "let everything expire",
      ({ s3 }) =>
        s3.send(
          new PutBucketLifecycleConfigurationCommand({
            Bucket,
            LifecycleConfiguration: { Rules: [{ ID: "all", Status: "Enabled", Filter: { Prefix: "" }, Expiration: { Days: 1 } }] },
          }),
        ),
    ],
    ["disable the key", ({ kms }) => kms.send(new DisableKeyCommand({ KeyId: sealingKey }))],
    ["delete the key", ({ kms }) => kms.send(new ScheduleKeyDeletionCommand({ KeyId: sealingKey, PendingWindowInDays: 7 }))],
    ["write the key's policy", ({ kms }) => kms.send(new PutKeyPolicyCommand({ KeyId: sealingKey, Policy: bucketPolicy }))],
  ];
  const read = ({ s3 }: Clients) => s3.send(new GetObjectCommand({ Bucket, Key: manifest.Key }));
  const answer = (call: Promise<unknown>): Promise<string> => call.then(() => "allowed", nameOf);

  // An account's administrator can make a role below any path, and let it do everything.
  test.each(["dump", "prove", "record", "restore", "prune"])(
    "as a role of the work %s that may do everything there, reads and no more",
    async (work) => {
      const path = `/${stackName}/${region}/${work}/`;
      const [reading, ...changing] = await withRole(
        cloud,
        `thief-who-${work}s`,
        everything,
        async (own) => {
          const all = [read, ...attempts.map(([, attempt]) => attempt)];
          const answers: string[] = [];
          for (const each of all) answers.push(await answer(each(own)));
          return answers;
        },
        path,
      );
      expect(reading).toBe("allowed");
      const done = attempts.filter((_, index) => !/^AccessDenied/.test(changing[index] ?? "")).map(([what]) => what);
      expect(done).toEqual([]);
    },
  );

  test("as its root, or as a role of no stack, does not even read", async () => {
    expect(await answer(read(cloud.clients))).toBe("AccessDenied");
    for (const [what, attempt] of attempts) expect(await answer(attempt(cloud.clients)), what).toMatch(/^AccessDenied/);
    expect(await withRole(cloud, "stranger", everything, (own) => answer(read(own)))).toBe("AccessDenied");
  });

  test("has changed nothing by all of that: what was there is there, as it was", async () => {
    expect(await versionsOf(manifest.Key)).toEqual([manifest]);
    expect((await cloud.owners.s3.send(new GetBucketPolicyCommand({ Bucket }))).Policy).toBe(bucketPolicy);
  });
});

describe("a vault that its owner made otherwise is refused before anything is deployed", () => {
  const inspect = async (text = policyText): Promise<string[]> => {
    const deployment = deploy(text, { stage: "local", image: "", vault: "foreign", proving: "open" });
    const findings = await inspectVault(deployment, await findAccount(cloud.clients, region), cloud.clients);
    const errors = findings.filter(({ level }) => level === "error");
    if (errors.length > 0)
      expect(() => refuseWeakVault(findings)).toThrow(expect.objectContaining({ name: "AdoptionRefused", exitCode: 5 }));
    return errors.map(({ about, subject, message }) => `${about}: ${subject}: ${message}`);
  };
  const statementsOf = (policy: string) => (JSON.parse(policy) as { Statement: { Sid: string }[] }).Statement;

  test("not as serverless.vault.yml makes it", async () => {
    expect(await inspect()).toEqual([]);
  });

  test("without its bucket's policy, without a denial in it, without a right of the stack", async () => {
    const { s3 } = cloud.owners;
    const { Policy = "" } = await s3.send(new GetBucketPolicyCommand({ Bucket }));
    const without = (Sid: string) =>
      JSON.stringify({ Version: "2012-10-17", Statement: statementsOf(Policy).filter((each) => each.Sid !== Sid) });
    try {
      await s3.send(new DeleteBucketPolicyCommand({ Bucket }));
      expect(await inspect()).toEqual([`bucket ${Bucket}: bucket: may not be looked at by this stack's account`]);
      await s3.send(new PutBucketPolicyCommand({ Bucket, Policy: without("LocksHold") }));
      expect(await inspect()).toEqual([`bucket ${Bucket}: bucket policy: the denial LocksHold is missing`]);
      await s3.send(new PutBucketPolicyCommand({ Bucket, Policy: without("Add") }));
      expect(await inspect()).toEqual([
        `bucket ${Bucket}: bucket policy: the right Add of the stacks that use the vault is missing or narrower`,
      ]);
    } finally {
      await s3.send(new PutBucketPolicyCommand({ Bucket, Policy }));
    }
  });

  test("without its encryption", async () => {
    const { s3 } = cloud.owners;
    const { ServerSideEncryptionConfiguration } = await s3.send(new GetBucketEncryptionCommand({ Bucket }));
    await s3.send(new DeleteBucketEncryptionCommand({ Bucket }));
    const found = await inspect();
    await s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration }));
    expect(found).toEqual([expect.stringMatching(`^bucket ${Bucket}: encryption: by default .*, not with the storage key `)]);
  });

  test("in a bucket without locks and versions, that somebody made by hand", async () => {
    const { s3 } = cloud.owners;
    const plain = "plain-backups";
    const { Policy = "" } = await s3.send(new GetBucketPolicyCommand({ Bucket }));
    for (const name of [plain, `${plain}-state`])
      await s3.send(new CreateBucketCommand({ Bucket: name, CreateBucketConfiguration: { LocationConstraint: region } }));
    await s3.send(new PutBucketPolicyCommand({ Bucket: plain, Policy: Policy.replaceAll(`:::${Bucket}`, `:::${plain}`) }));
    const text = policyText.replaceAll(`${Bucket},`, `${plain},`).replaceAll(`${Bucket}-state`, `${plain}-state`);
    expect(await inspect(text)).toEqual(
      expect.arrayContaining([
        `key arn:aws:kms:${region}:${owner}:alias/holdfast-storage-${plain}: key: may not be looked at by this stack's account`,
        `bucket ${plain}: versioning: not enabled: what is overwritten or deleted is gone`,
        `bucket ${plain}: Object Lock: not enabled: nothing in it can be locked`,
        `bucket ${plain}: lifecycle: the rule holdfast-leases is missing`,
        `bucket ${plain}-state: bucket: may not be looked at by this stack's account`,
      ]),
    );
  });

  test("with a key that is disabled", async () => {
    const KeyId = `arn:aws:kms:${region}:${owner}:alias/acme-backups`;
    await cloud.owners.kms.send(new DisableKeyCommand({ KeyId }));
    const found = await inspect();
    await cloud.owners.kms.send(new EnableKeyCommand({ KeyId }));
    expect(found).toEqual([`key ${KeyId}: key: is Disabled`]);
  });
});

describe("the stack of the first account goes and comes again", () => {
  let before: readonly Version[];
  let between: readonly Version[];
  beforeAll(async () => {
    before = await versionsOf("");
    await cloud.remove();
    between = await versionsOf("");
    await cloud.deploy();
  }, busyMs);

  test("the vault stands, and the second deployment finds every backup in its state, and proves it", async () => {
    expect(before.length).toBeGreaterThan(10);
    expect(between).toEqual(before);
    const listed = await list("desk");
    expect(listed.map(({ id, state }) => [id, state])).toEqual(
      expect.arrayContaining([[idOf(backup), "proven"], ...brief.map((id) => [id, "verified"])]),
    );
    const again = await execute(cloud, "restore-test", { source: "shop", backup: idOf(backup) });
    expect(again).toMatchObject({ status: "SUCCEEDED", output: { outcome: "proven" } });
  });
});

test("the owner's prune deletes what retention releases once its lock has ended, and nothing else", async () => {
  const [first = "", second = ""] = brief;
  // The lock lasts a minute from the backup's beginning.
  await waitFor("the lock's end", async () => ((await cloud.prune("brief")) as { deleted: number }).deleted === 1, 300_000);
  expect((await versionsOf("manifests/brief/")).map(({ Key }) => Key)).toEqual([`manifests/brief/${second}.json`]);
  expect((await versionsOf(`artifacts/brief/${first}/`)).length).toBe(0);
  expect(await cloud.prune("shop")).toMatchObject({ deleted: 0, kept: 1 });
});
