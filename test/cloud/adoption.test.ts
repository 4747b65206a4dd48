/**
 * A vault that an earlier deployment left, or somebody else made: taken over when it is what the
 * stack would have made of it, and refused with a line for whatever it lacks.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateStackCommand, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { DescribeKeyCommand, DisableKeyCommand, EnableKeyCommand } from "@aws-sdk/client-kms";
import {
  DeleteBucketEncryptionCommand,
  DeleteBucketLifecycleCommand,
  DeleteBucketPolicyCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutObjectLockConfigurationCommand,
  PutPublicAccessBlockCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findAccount } from "../../infra/adoption/clients.ts";
import { inspectVault, refuseWeakVault } from "../../infra/adoption/inspect-vault.ts";
import { vaultResources } from "../../infra/vault.ts";
import { deployStack, region, stackName } from "../../scripts/cloud-stack.ts";
import { deploy, samplePolicyText } from "../infra/deployments.ts";
import { type MiniStackServer, startMiniStack } from "../support/ministack.ts";
import { waitFor } from "../support/processes.ts";
import { type Clients, clientsAt } from "./cloud.ts";
import { type Emulator, makeStack } from "./emulator.ts";

const deployment = deploy(undefined, { stage: "local", image: "", vault: "existing", proving: "open" });
const Bucket = "acme-backups";

let server: MiniStackServer;
let emulator: Emulator;

beforeAll(async () => {
  server = await startMiniStack({ corrected: true });
  emulator = { endpoint: server.endpoint, clients: clientsAt(server.endpoint) };
  await makeStack(emulator, "left-behind", vaultResources({ ...deployment, createsVault: true }));
});

afterAll(async () => {
  for (const client of Object.values(emulator.clients)) client.destroy();
  await server.stop();
});

async function inspect(): Promise<string[]> {
  const findings = await inspectVault(deployment, await findAccount(emulator.clients, region), emulator.clients);
  const errors = findings.filter(({ level }) => level === "error");
  for (const { remedy } of errors) expect(remedy).toBeDefined();
  return errors.map(({ about, subject, message }) => `${about}: ${subject}: ${message}`);
}

interface Weakness {
  readonly what: string;
  readonly make: (clients: Clients) => Promise<unknown>;
  readonly unmake: (clients: Clients) => Promise<unknown>;
  readonly lines: readonly string[];
}

const blockedAccess = (on: boolean) => ({
  Bucket,
  PublicAccessBlockConfiguration: {
    BlockPublicAcls: true,
    BlockPublicPolicy: on,
    IgnorePublicAcls: true,
    RestrictPublicBuckets: true,
  },
});
const lockedBy = (Mode?: "COMPLIANCE" | "GOVERNANCE") => ({
  Bucket,
  ObjectLockConfiguration: {
    ObjectLockEnabled: "Enabled" as const,
    ...(Mode === undefined ? {} : { Rule: { DefaultRetention: { Mode, Days: 1 } } }),
  },
});

/** What S3 has, taken away and put back as it was. */
let kept: { policy: string; encryption: object; rules: object };

const policy = () => kept.policy;
const policyWith = (change: (statements: { Sid?: string }[]) => object[]): string => {
  const document = JSON.parse(policy()) as { Statement: { Sid?: string }[] };
  return JSON.stringify({ ...document, Statement: change(document.Statement) });
};
const putPolicy = (text: string) => (clients: Clients) => clients.s3.send(new PutBucketPolicyCommand({ Bucket, Policy: text }));

const weaknesses: readonly Weakness[] = [
  {
    what: "no policy at all",
    make: ({ s3 }) => s3.send(new DeleteBucketPolicyCommand({ Bucket })),
    unmake: (clients) => putPolicy(policy())(clients),
    lines: ["OtherEncryption", "OtherKey", "KeyOfTheCaller", "Overwriting", "LocksHold", "LockSettings", "NotForGood"].map(
      (sid) => `bucket ${Bucket}: bucket policy: the denial ${sid} is missing`,
    ),
  },
  {
    what: "a policy without one of its denials",
    make: (clients) => putPolicy(policyWith((all) => all.filter(({ Sid }) => Sid !== "LocksHold")))(clients),
    unmake: (clients) => putPolicy(policy())(clients),
    lines: [`bucket ${Bucket}: bucket policy: the denial LocksHold is missing`],
  },
  {
    what: "a policy that lets another account write",
    make: (clients) =>
      putPolicy(
        policyWith((all) => [
          ...all,
          {
            Sid: "Guest",
            Effect: "Allow",
            Principal: { AWS: "arn:aws:iam::999999999999:root" },
            Action: "s3:PutObject",
            Resource: `arn:aws:s3:::${Bucket}/*`,
          },
        ]),
      )(clients),
    unmake: (clients) => putPolicy(policy())(clients),
    lines: [
      `bucket ${Bucket}: bucket policy: the statement "Guest" lets {"AWS":"arn:aws:iam::999999999999:root"} do more than read`,
    ],
  },
  {
    what: "another key at rest",
    make: ({ s3 }) => s3.send(new DeleteBucketEncryptionCommand({ Bucket })),
    unmake: ({ s3 }) =>
      s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: kept.encryption as never })),
    lines: [`bucket ${Bucket}: encryption: by default `],
  },
  {
    what: "a bucket that the public could be let into",
    make: ({ s3 }) => s3.send(new PutPublicAccessBlockCommand(blockedAccess(false))),
    unmake: ({ s3 }) => s3.send(new PutPublicAccessBlockCommand(blockedAccess(true))),
    lines: [`bucket ${Bucket}: public access: not blocked: BlockPublicPolicy is off`],
  },
  {
    what: "no lifecycle",
    make: ({ s3 }) => s3.send(new DeleteBucketLifecycleCommand({ Bucket })),
    unmake: ({ s3 }) =>
      s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: kept.rules as never })),
    lines: ["leftovers", "probes", "leases", "tiers"].map(
      (rule) => `bucket ${Bucket}: lifecycle: the rule holdfast-${rule} is missing`,
    ),
  },
  {
    what: "a lock by default that nobody can lift",
    make: ({ s3 }) => s3.send(new PutObjectLockConfigurationCommand(lockedBy("COMPLIANCE"))),
    unmake: ({ s3 }) => s3.send(new PutObjectLockConfigurationCommand(lockedBy())),
    lines: [`bucket ${Bucket}: Object Lock: locks every object by default (compliance), and the policy says governance`],
  },
  {
    what: "a sealing key that is disabled",
    make: async ({ kms }) => kms.send(new DisableKeyCommand({ KeyId: await keyOf("alias/acme-backups") })),
    unmake: async ({ kms }) => kms.send(new EnableKeyCommand({ KeyId: await keyOf("alias/acme-backups") })),
    lines: ["key alias/acme-backups: key: is Disabled"],
  },
];

const keyOf = async (KeyId: string): Promise<string> =>
  (await emulator.clients.kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.KeyId ?? "";

describe("a vault that is taken over", () => {
  beforeAll(async () => {
    const { s3 } = emulator.clients;
    const { Policy = "" } = await s3.send(new GetBucketPolicyCommand({ Bucket }));
    const { ServerSideEncryptionConfiguration = {} } = await s3.send(new GetBucketEncryptionCommand({ Bucket }));
    const { Rules = [] } = await s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
    kept = { policy: Policy, encryption: ServerSideEncryptionConfiguration, rules: { Rules } };
  });

  test("lacks nothing where the stack itself made it", async () => {
    expect(await inspect()).toEqual([]);
  });

  const unlocked = samplePolicyText.replace(/^ {4}(lock|state|tiers):.*\n/gm, "");
  const others: readonly (readonly [string, string])[] = [
    ["without a lock", unlocked],
    ["with locks for good", samplePolicyText.replace("mode: governance", "mode: compliance")],
    ["with several vaults in a bucket", unlocked.replace("keys:\n", "  other: s3://acme-backups/staging\nkeys:\n")],
    ["as large as a bucket", samplePolicyText.replace("    prefix: production\n", "")],
  ];
  test.each(others)("lacks nothing where the stack made it %s", async (what, text) => {
    const given = { stage: "local", image: "", vault: "existing", proving: "open" } as const;
    const name = what.replaceAll(" ", "-");
    const own = deploy(text.replaceAll("acme", `acme-${name}`), given);
    await makeStack(emulator, name, vaultResources({ ...own, createsVault: true }));
    const findings = await inspectVault(own, await findAccount(emulator.clients, region), emulator.clients);
    expect(findings.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("is refused by `osls deploy` before it packages anything, with 5 and every line", async () => {
    const directory = mkdtempSync(join(tmpdir(), "holdfast-adoption-"));
    try {
      const file = join(directory, "holdfast.yml");
      writeFileSync(file, samplePolicyText);
      await emulator.clients.s3.send(new DeleteBucketPolicyCommand({ Bucket }));
      const options = { endpoint: server.endpoint, policy: file, vault: "existing", directory, majors: [17] } as const;
      const said = await deployStack(options).then(
        () => "it was deployed",
        (error: Error) => error.message,
      );
      expect(said).toMatch(/osls deploy ended with 5:/);
      for (const sid of ["OtherEncryption", "OtherKey", "KeyOfTheCaller", "Overwriting", "LocksHold"])
        expect(said).toContain(`bucket ${Bucket}: bucket policy: the denial ${sid} is missing`);
      expect(said).not.toMatch(/^ +at |Packaging/m);
      const stack = emulator.clients.cloudFormation.send(new DescribeStacksCommand({ StackName: stackName }));
      await expect(stack).rejects.toThrow(/does not exist/);
    } finally {
      await putPolicy(policy())(emulator.clients);
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test.each(weaknesses)("is refused with $what", async ({ make, unmake, lines }) => {
    await make(emulator.clients);
    const found = await inspect();
    await unmake(emulator.clients);
    expect(found.map((line, index) => line.slice(0, lines[index]?.length))).toEqual(lines);
    expect(await inspect()).toEqual([]);
  });

  test("is refused where the account has no such buckets and keys", async () => {
    const other = deploy(samplePolicyText.replaceAll("acme-backups", "gone-backups"), {
      stage: "local",
      image: "",
      vault: "existing",
      proving: "open",
    });
    const findings = await inspectVault(other, await findAccount(emulator.clients, region), emulator.clients);
    expect(findings.map(({ about, subject, message }) => `${about}: ${subject}: ${message}`)).toEqual([
      "key alias/holdfast-storage-gone-backups: key: there is none",
      "key alias/gone-backups: key: there is none",
      "bucket gone-backups-state: bucket: does not exist",
      "bucket gone-backups: bucket: does not exist",
    ]);
    expect(() => refuseWeakVault(findings)).toThrow(
      expect.objectContaining({
        name: "AdoptionRefused",
        exitCode: 5,
        details: expect.arrayContaining([expect.stringMatching(/^ {2}fix: /)]),
      }),
    );
  });
});

/** A name that is taken, when everything before it has been made. */
const refused = (name: string) => ({
  Refused: { Type: "AWS::S3::Bucket", DependsOn: [name], Properties: { BucketName: Bucket } },
});

// The emulator takes back whatever a failed creation made, `Retain` or not; that the template asks
// for it (RetainExceptOnCreate) is shown by test/infra/first-deployment.test.ts.
test("a first deployment that fails takes its vault back; the second makes it under the same names", async () => {
  const { cloudFormation, s3, kms } = emulator.clients;
  const resources = vaultResources(
    deploy(samplePolicyText.replaceAll("acme", "first"), { stage: "local", image: "", proving: "open" }),
  );
  const StackName = "first-try";
  const Resources = { ...resources, ...refused("VaultFirstx2dbackupsPolicy") };
  await cloudFormation.send(new CreateStackCommand({ StackName, TemplateBody: JSON.stringify({ Resources }) }));
  const status = async () => (await cloudFormation.send(new DescribeStacksCommand({ StackName }))).Stacks?.[0]?.StackStatus;
  await waitFor("the rollback", async () => ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED"].includes((await status()) ?? ""), 300_000);
  expect(await status()).toBe("ROLLBACK_COMPLETE");
  await expect(s3.send(new GetBucketPolicyCommand({ Bucket: "first-backups" }))).rejects.toThrow();
  await expect(kms.send(new DescribeKeyCommand({ KeyId: "alias/first-backups" }))).rejects.toThrow();

  await makeStack(emulator, "second-try", resources);
  expect((await s3.send(new GetBucketPolicyCommand({ Bucket: "first-backups" }))).Policy).toContain("LocksHold");
});
