import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import aslValidator from "asl-validator";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lintTemplates } from "../../../scripts/cfn-lint.ts";
import { describeResources, describeRights } from "../../infra/describe-resources.ts";
import { type PackagedStack, packageStack, region } from "../../infra/package-stack.ts";
import { writeSampleLayer } from "../../infra/sample-layer.ts";
import { withStageParameters } from "../../infra/stage-parameters.ts";
import { namesOf, propertiesOf, readStatements } from "../../infra/template-model.ts";

/**
 * A person on a slow line deploys them all; the SDK and the sealing library are most of each. With
 * source maps, which nothing in Lambda reads, each was 1.7 MB.
 */
const mostZipBytes = 1_000_000;
/** What a stack must never take with it. */
const lasting = ["AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::KMS::Key", "AWS::KMS::Alias"];
/** The packages' own bucket, and the key of alerts under way. */
const passing = ["ServerlessDeploymentBucket", "ServerlessDeploymentBucketPolicy", "AlertsKey"];

const network = {
  subnets: "subnet-0a1b2c3d4e5f60718, subnet-1a1b2c3d4e5f60718",
  securityGroups: "sg-0a1b2c3d4e5f60718",
};
/** `layered`: as a new user packages it, who has typed `npm run layer` and nothing else. */
let stacks: Readonly<Record<"dev" | "prod" | "local" | "layered", PackagedStack>>;
const layerDirectory = mkdtempSync(join(tmpdir(), "hf-templates-"));

beforeAll(async () => {
  const dev = await packageStack({ stage: "dev" });
  // As a person writes them who does not want to type them: all tests of `prod` go by them.
  const configuration = withStageParameters("prod", { vault: "existing", ...network });
  const prod = await packageStack({ stage: "prod", configuration });
  const local = await packageStack({ stage: "local", parameters: { toolPath: "/usr/lib/postgresql/17/bin" } });
  const layered = await packageStack({
    stage: "dev",
    parameters: { image: undefined },
    layer: writeSampleLayer(layerDirectory),
  });
  stacks = { dev, prod, local, layered };
}, 1_500_000);

afterAll(() => {
  rmSync(layerDirectory, { recursive: true, force: true });
  for (const stack of Object.values(stacks ?? {})) stack.remove();
});

describe("the packaged templates", () => {
  it("leave nothing for cfn-lint to find", () => {
    const all = Object.values(stacks).flatMap(({ files }) => Object.values(files));
    expect(lintTemplates(all, region)).toBe("");
  }, 900_000);

  it.each(["dev", "prod", "local", "layered"] as const)(
    "have valid state machines in %s, with all references resolved",
    (stage) => {
      const { template } = stacks[stage];
      const machines = namesOf(template, "AWS::StepFunctions::StateMachine");
      expect(machines.length).toBe(5);
      for (const name of machines) {
        const { isValid, errorsText } = aslValidator(JSON.parse(String(propertiesOf(template, name)["DefinitionString"])));
        expect(isValid, isValid ? "" : `${name}: ${errorsText()}`).toBe(true);
      }
    },
  );

  it.each(["dev", "prod", "local"] as const)("make in %s what the reviewed list says", async (stage) => {
    await expect(describeResources(stacks[stage].template)).toMatchFileSnapshot(`../../infra/resources.${stage}.txt`);
  });

  it.each(["dev", "prod"] as const)("give in %s the rights that the reviewed list says", async (stage) => {
    await expect(describeRights(stacks[stage].template)).toMatchFileSnapshot(`../../infra/rights.${stage}.txt`);
  });

  it("leave tags to the stack's own, which reach every resource that takes tags, and set none that would hide them", () => {
    for (const [stage, { stackTags, template }] of Object.entries(stacks)) {
      expect(stackTags).toEqual({ holdfast: stage === "layered" ? "dev" : stage });
      const own = Object.entries(template.Resources).flatMap(([name, { Properties }]) =>
        tagKeysOf(Properties?.["Tags"]).map((key) => [name, key]),
      );
      expect(own.filter(([, key]) => key === "holdfast")).toEqual([]);
    }
  });

  it("pack every handler once, into less than 1 MB; those with PostgreSQL's tools are the image, but for the stage local", () => {
    for (const { zips } of Object.values(stacks)) {
      for (const [name, bytes] of Object.entries(zips)) expect(bytes, name).toBeLessThan(mostZipBytes);
    }
    const people = ["answer", "ask", "erase-add", "request"];
    const plain = [
      ...people,
      "due",
      "notify",
      "on-execution",
      "on-task",
      "plan",
      "prune",
      "record",
      "slack",
      "start",
      "watch",
    ].sort();
    const tools = ["dump", "prove", "restore", "safeguard"];
    expect(Object.keys(stacks.dev.zips).sort()).toEqual(plain);
    expect(Object.keys(stacks.local.zips).sort()).toEqual([...plain, ...tools].sort());
    expect(Object.keys(stacks.layered.zips).sort()).toEqual([...plain, ...tools].sort());
    const keyOf = (name: string): unknown => (propertiesOf(stacks.layered.template, name)["Code"] as { S3Key: string }).S3Key;
    expect(keyOf("DumpDashdbDash1LambdaFunction")).toMatch(/\/dump\.zip$/);
    expect(keyOf("DumpDashtaskmasterLambdaFunction")).toBe(keyOf("DumpDashdbDash1LambdaFunction"));
    expect(keyOf("PlanLambdaFunction")).toMatch(/\/plan\.zip$/);
  });

  it("have functions, roles and alarms of sources in nested stacks, and nothing else: what holds data is in the root", () => {
    for (const { templates } of Object.values(stacks)) {
      const { root, ...nested } = templates;
      const types = Object.values(nested).flatMap(({ Resources }) => Object.values(Resources).map(({ Type }) => Type));
      expect([...new Set(types)].sort()).toEqual(["AWS::CloudWatch::Alarm", "AWS::IAM::Role", "AWS::Lambda::Function"]);
      const inRoot = Object.keys(root?.Resources ?? {}).filter((name) =>
        /^(?:Dump|Prove|Age|Failures|Proof).*(?:Function|Role|Alarm)$/.test(name),
      );
      expect(inRoot).toEqual([]);
    }
  });

  it("have no image, no container and no registry where there is the layer, which every function with tools loads", () => {
    const { template } = stacks.layered;
    expect(namesOf(template, "AWS::Lambda::LayerVersion")).toEqual(["ToolsLambdaLayer"]);
    expect(propertiesOf(template, "ToolsLambdaLayer")).toMatchObject({
      LayerName: "holdfast-dev-tools",
      CompatibleArchitectures: ["arm64"],
      CompatibleRuntimes: ["nodejs24.x"],
    });
    for (const name of namesOf(template, "AWS::Lambda::Function")) {
      const { PackageType, Layers, Runtime, Architectures, Environment } = propertiesOf(template, name);
      expect({ PackageType, Runtime, Architectures }, name).toEqual({
        PackageType: undefined,
        Runtime: "nodejs24.x",
        Architectures: ["arm64"],
      });
      const tools = /^(?:Dump|Prove|Restore|Safeguard)/.test(name);
      expect(Layers, name).toEqual(tools ? ["ToolsLambdaLayer"] : undefined);
      const variables = (Environment as { Variables: Record<string, unknown> }).Variables;
      expect(variables["LOCPATH"], name).toBe(tools ? "/opt/share/locale" : undefined);
    }
    const types = Object.values(template.Resources).map(({ Type }) => Type);
    expect(types.filter((type) => /^AWS::(?:ECS|ECR|CodeBuild)/.test(type))).toEqual([]);
    expect(JSON.stringify(template)).not.toContain("ecr:GetAuthorizationToken");
  });
});

describe("the stack itself", () => {
  it("is protected as its stage's own parameters say, which stand in serverless.yml", () => {
    const of = ({ provider: { deletionProtection, stackPolicy = [] } }: PackagedStack) => [
      deletionProtection ?? undefined,
      stackPolicy.map(({ Effect }) => Effect),
    ];
    expect(of(stacks.prod)).toEqual([true, ["Allow", "Deny"]]);
    expect(of(stacks.dev)).toEqual([false, ["Allow"]]);
    expect(of(stacks.local)).toEqual([undefined, ["Allow"]]);
  });
});

describe("the vault", () => {
  it("outlives the stack, buckets, policies, keys and aliases, but not a deployment that failed to make them", () => {
    const { Resources } = stacks.dev.template;
    const held = Object.entries(Resources).filter(([name, { Type }]) => lasting.includes(Type) && !passing.includes(name));
    expect(held.length).toBeGreaterThan(8);
    for (const [name, { DeletionPolicy, UpdateReplacePolicy }] of held) {
      expect([DeletionPolicy, UpdateReplacePolicy], name).toEqual(["RetainExceptOnCreate", "Retain"]);
    }
  });

  it("is taken over where it exists: no bucket and no key is made, and the same places are named", () => {
    const { template } = stacks.prod;
    const made = Object.entries(template.Resources).filter(([name, { Type }]) => lasting.includes(Type) && !passing.includes(name));
    expect(made.map(([name]) => name)).toEqual([]);
    const { Environment } = propertiesOf(template, "DueLambdaFunction") as { Environment: { Variables: Record<string, string> } };
    expect(Environment.Variables["HOLDFAST_STATE_BUCKET"]).toBe("acme-backups-state");
  });

  it("is versioned, can lock, is encrypted under its own key that turns as the policy says, and logs who asks", () => {
    const { template } = stacks.dev;
    expect(propertiesOf(template, "VaultAcmex2dbackups")).toMatchObject({
      BucketName: "acme-backups",
      VersioningConfiguration: { Status: "Enabled" },
      ObjectLockEnabled: true,
      LoggingConfiguration: { DestinationBucketName: "AuditBucket" },
      BucketEncryption: { ServerSideEncryptionConfiguration: [{ BucketKeyEnabled: true }] },
    });
    expect(propertiesOf(template, "SealingKeyAcmex2dbackups")).toMatchObject({
      EnableKeyRotation: true,
      RotationPeriodInDays: 120,
    });
    expect(propertiesOf(template, "StorageKeyAcmex2dbackups")).toMatchObject({ RotationPeriodInDays: 90 });
  });

  it("moves artifacts to cheaper storage by their tag, cleans up dead uploads, and expires no backup", () => {
    const { LifecycleConfiguration } = propertiesOf(stacks.dev.template, "VaultAcmex2dbackups") as {
      LifecycleConfiguration: { Rules: readonly Record<string, unknown>[] };
    };
    expect(LifecycleConfiguration.Rules).toContainEqual({
      Id: "holdfast-tiers",
      Status: "Enabled",
      Prefix: "production/artifacts/",
      TagFilters: [{ Key: "holdfast", Value: "artifact" }],
      Transitions: [
        { TransitionInDays: 30, StorageClass: "STANDARD_IA" },
        { TransitionInDays: 365, StorageClass: "DEEP_ARCHIVE" },
      ],
    });
    expect(LifecycleConfiguration.Rules.some((rule) => "AbortIncompleteMultipartUpload" in rule)).toBe(true);
    const expiring = LifecycleConfiguration.Rules.filter((rule) => "ExpirationInDays" in rule);
    expect(expiring.map(({ Prefix }) => Prefix)).toEqual(["production/probes/"]);
  });

  it("denies everybody plain HTTP, other encryption, writing over what is there, and every way around a lock", () => {
    const { PolicyDocument } = propertiesOf(stacks.dev.template, "VaultAcmex2dbackupsPolicy");
    const statements = readStatements(stacks.dev.template, PolicyDocument);
    expect(statements.every(({ Effect, Principal }) => Effect === "Deny" && Principal === "*")).toBe(true);
    expect(statements.map(({ Sid }) => Sid)).toEqual([
      "PlainHttp",
      "OtherEncryption",
      "OtherKey",
      "KeyOfTheCaller",
      "Overwriting",
      "LocksHold",
      "LockSettings",
      "NotForGood",
    ]);
    const overwriting = statements.find(({ Sid }) => Sid === "Overwriting");
    expect(overwriting?.Resource).toContain("arn:aws:s3:::acme-backups/production/manifests/*");
    const locks = statements.find(({ Sid }) => Sid === "LocksHold");
    expect(locks?.Action).toContain("s3:BypassGovernanceRetention");
    expect(locks?.Condition).toBeUndefined();
  });
});

describe("a network of the sources' own", () => {
  const functionsIn = ({ template }: PackagedStack, group: string): string[] =>
    namesOf(template, "AWS::Lambda::Function")
      .filter((name) => {
        const { SecurityGroupIds = [] } = (propertiesOf(template, name)["VpcConfig"] ?? {}) as { SecurityGroupIds?: string[] };
        return SecurityGroupIds.includes(group);
      })
      .sort();

  it("holds the functions that reach sources, and no other", () => {
    expect(functionsIn(stacks.prod, network.securityGroups)).toEqual([
      "DumpDashdb1LambdaFunction",
      "DumpDashdbDash1LambdaFunction",
      "DumpDashtaskmasterLambdaFunction",
      "RestoreLambdaFunction",
      "SafeguardLambdaFunction",
    ]);
    expect(namesOf(stacks.prod.template, "AWS::EC2::VPC")).toEqual(["ProvingNetwork"]);
    expect(namesOf(stacks.dev.template, "AWS::EC2::VPC").sort()).toEqual(["Network", "ProvingNetwork"]);
  });

  it.each(["dev", "prod", "local"] as const)(
    "is not where code of a backup runs in %s: that has a network without a way out",
    (stage) => {
      const { template } = stacks[stage];
      const proving = ["ProveDashdb1LambdaFunction", "ProveDashdbDash1LambdaFunction", "ProveDashtaskmasterLambdaFunction"];
      expect(functionsIn(stacks[stage], "ProvingGroup")).toEqual(proving);
      const definitions = namesOf(template, "AWS::StepFunctions::StateMachine").map((name) =>
        JSON.parse(String(propertiesOf(template, name)["DefinitionString"])),
      );
      const containers = containerRunsIn(definitions);
      expect(containers.length).toBe(6);
      const isolated = { Subnets: ["ProvingSubnet1"], SecurityGroups: ["ProvingGroup"], AssignPublicIp: "DISABLED" };
      for (const { TaskDefinition, NetworkConfiguration } of containers) {
        const proves = TaskDefinition.endsWith("-prove");
        if (proves) expect(NetworkConfiguration.AwsvpcConfiguration).toEqual(isolated);
        else expect(JSON.stringify(NetworkConfiguration)).not.toContain("Proving");
      }
      expect(containers.filter(({ TaskDefinition }) => TaskDefinition.endsWith("-prove")).length).toBe(3);
    },
  );
});

interface ContainerRun {
  readonly TaskDefinition: string;
  readonly NetworkConfiguration: { readonly AwsvpcConfiguration: unknown };
}

/** The arguments of every state that runs a container, at any depth. */
function containerRunsIn(value: unknown): ContainerRun[] {
  if (typeof value !== "object" || value === null) return [];
  if ("NetworkConfiguration" in value) return [value as unknown as ContainerRun];
  return Object.values(value).flatMap(containerRunsIn);
}

/** Of a list of keys and values, or of an object. */
function tagKeysOf(tags: unknown): string[] {
  return Array.isArray(tags) ? tags.map(({ Key }: { Key: string }) => Key) : Object.keys(tags ?? {});
}
