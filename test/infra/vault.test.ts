import { describe, expect, it } from "vitest";
import { functionRoles } from "../../infra/function-roles.ts";
import { serverlessFunctions } from "../../infra/functions.ts";
import { vaultResources } from "../../infra/vault.ts";
import { deploy, samplePolicyText } from "./deployments.ts";
import { mayEver, statementsOf, type Template } from "./template-model.ts";

const unlocked = samplePolicyText.replace(/^ {4}(lock|state|tiers):.*\n/gm, "");
const twoVaults = unlocked
  .replace("keys:\n", "  other: s3://acme-backups/staging\n  third: s3://acme.archive\nkeys:\n")
  .replace("connection: secret:other/db\n", "connection: secret:other/db\n    vault: third\n");

const typesOf = (text: string, type: string): string[] =>
  Object.entries(vaultResources(deploy(text))).flatMap(([name, { Type }]) => (Type === type ? [name] : []));

function stateOf(text: string, given = {}): Record<string, unknown> {
  const functions = serverlessFunctions(deploy(text, given)) as Record<string, { environment: Record<string, unknown> }>;
  const { HOLDFAST_STATE_BUCKET: bucket, HOLDFAST_STATE_PREFIX: prefix } = functions["due"]?.environment ?? {};
  return { bucket, prefix };
}

/** The roles of a policy's functions as a template of their own. */
function rolesOf(text: string, vault: "create" | "existing" = "create"): Template {
  const deployment = deploy(text, { vault });
  const others = ["CriticalTopic", "WarningTopic", "InfoTopic"].map((name) => [name, { Type: "AWS::SNS::Topic" }]);
  const more = { AlertsKey: { Type: "AWS::KMS::Key" }, AlertQueue: { Type: "AWS::SQS::Queue" } };
  return {
    Resources: { ...vaultResources(deployment), ...functionRoles(deployment), ...Object.fromEntries(others), ...more },
  } as Template;
}

describe("the state of a stack", () => {
  it("lies with the leases where the vault locks, in a folder of the stage", () => {
    expect(stateOf(samplePolicyText)).toEqual({ bucket: "acme-backups-state", prefix: "holdfast-dev/" });
    expect(stateOf(samplePolicyText.replace("acme-backups-state", "acme-backups-state/holdfast"))).toEqual({
      bucket: "acme-backups-state",
      prefix: "holdfast/holdfast-dev/",
    });
  });

  it("lies in a bucket that belongs to the vault where it does not lock; every stage finds the same one", () => {
    const { bucket } = stateOf(unlocked);
    expect(JSON.stringify(bucket)).toMatch(/holdfast-state-[0-9a-f]{8}-/);
    expect(stateOf(unlocked, { stage: "prod", vault: "existing" })).toEqual({ bucket, prefix: "holdfast-prod/" });
    expect(vaultResources(deploy(unlocked))["StateBucket"]?.Properties?.["BucketName"]).toEqual(bucket);
  });
});

describe("the buckets of a policy", () => {
  it("are made once, however many vaults share one, with the rules of each", () => {
    expect(typesOf(twoVaults, "AWS::S3::Bucket").sort()).toEqual([
      "AuditBucket",
      "StateBucket",
      "VaultAcmex2dbackups",
      "VaultAcmex2earchive",
    ]);
    const { Rules } = (vaultResources(deploy(twoVaults))["VaultAcmex2dbackups"]?.Properties?.["LifecycleConfiguration"] ?? {}) as {
      Rules: readonly { readonly Id: string; readonly Prefix?: string }[];
    };
    expect(new Set(Rules.map(({ Id }) => Id)).size).toBe(Rules.length);
    expect(new Set(Rules.map(({ Prefix }) => Prefix?.split("/")[0]))).toEqual(new Set(["production", "staging"]));
  });

  it("have a storage key each, found by an alias that names the bucket", () => {
    const aliases = Object.values(vaultResources(deploy(twoVaults))).flatMap(({ Type, Properties }) =>
      Type === "AWS::KMS::Alias" ? [Properties?.["AliasName"]] : [],
    );
    expect(aliases.sort()).toEqual([
      "alias/acme-backups",
      "alias/acme-signing",
      "alias/holdfast-storage-acme-archive",
      "alias/holdfast-storage-acme-backups",
    ]);
  });
});

describe("the keys of a policy", () => {
  const aliasArn = (name: string, region = "eu-central-1") => `arn:aws:kms:${region}:123456789012:alias/${name}`;
  const byArn = samplePolicyText
    .replace("keyId: alias/acme-backups", `keyId: "${aliasArn("acme-backups")}"`)
    .replace("key: alias/acme-signing", `key: "${aliasArn("acme-signing")}"`);

  it("are of several Regions from the first day where a copy of a backup needs them, and that of a bucket is not", () => {
    const keys = Object.entries(vaultResources(deploy())).filter(([, { Type }]) => Type === "AWS::KMS::Key");
    expect(Object.fromEntries(keys.map(([name, { Properties }]) => [name, Properties?.["MultiRegion"] === true]))).toEqual({
      SealingKeyAcmex2dbackups: true,
      SigningKeyAcmex2dsigning: true,
      StorageKeyAcmex2dbackups: false,
    });
  });

  it("named by an alias's ARN are those of the alias: made with it, and known by it where they exist", () => {
    expect(vaultResources(deploy(byArn))).toEqual(vaultResources(deploy()));
    expect(functionRoles(deploy(byArn))).toEqual(functionRoles(deploy()));
    // No alias's ARN is a resource: IAM would compare it with the alias, and never with the key.
    const roles = JSON.stringify(functionRoles(deploy(byArn, { vault: "existing" })));
    expect(roles).not.toMatch(/"arn:[^"]*:alias\//);
    const conditions = (text: string) => roles.split(`"kms:ResourceAliases":["${text}"]`).length - 1;
    expect(conditions("alias/acme-backups")).toBeGreaterThan(5);
    expect(conditions("alias/acme-signing")).toBeGreaterThan(5);
  });

  it.each(["acme-backups", "acme-signing"])("are not made in another Region: %s", (name) => {
    const elsewhere = byArn.replace(aliasArn(name), aliasArn(name, "eu-west-1"));
    expect(() => deploy(elsewhere)).toThrow(/makes no buckets or keys in another region/);
  });
});

describe("the rights of a policy's functions", () => {
  it("have to do with locks and tags only where a vault has them", () => {
    const locking = /Retention|LegalHold|Tagging/;
    const actionsOf = (text: string): string[] => {
      const template = rolesOf(text);
      return ["DumpTaskmasterRole", "ProveTaskmasterRole", "PruneRole"].flatMap((name) =>
        statementsOf(template, name).flatMap(({ Action }) => Action.filter((action) => locking.test(action))),
      );
    };
    expect(actionsOf(unlocked)).toEqual([]);
    expect(actionsOf(samplePolicyText).length).toBeGreaterThan(5);
  });

  it("keep a dump to the vault of its source", () => {
    const statements = statementsOf(rolesOf(twoVaults), "DumpDb1Role");
    expect(mayEver(statements, "s3:PutObject", "arn:aws:s3:::acme.archive/artifacts/db1/x/y")).toBe(true);
    expect(mayEver(statements, "s3:PutObject", "arn:aws:s3:::acme-backups/production/artifacts/db1/x/y")).toBe(false);
  });

  it("let what proves a source's backups read them in every vault, and no other source's in any", () => {
    const statements = statementsOf(rolesOf(twoVaults), "ProveDb1Role");
    for (const place of [
      "arn:aws:s3:::acme.archive",
      "arn:aws:s3:::acme-backups/production",
      "arn:aws:s3:::acme-backups/staging",
    ]) {
      for (const room of ["manifests", "artifacts", "evidence", "holds"]) {
        expect(mayEver(statements, "s3:GetObject", `${place}/${room}/db1/x/y`), `${place}/${room}`).toBe(true);
        for (const other of ["db-1", "taskmaster", "db10", "db1x"])
          expect(mayEver(statements, "s3:GetObject", `${place}/${room}/${other}/x/y`), `${place}/${room}/${other}`).toBe(false);
      }
      expect(mayEver(statements, "s3:GetObject", `${place}/holdfast.json`)).toBe(true);
    }
  });

  it("know the keys of a vault that exists by their aliases alone", () => {
    for (const name of ["DumpTaskmasterRole", "ProveTaskmasterRole", "PruneRole"]) {
      const keyStatements = statementsOf(rolesOf(samplePolicyText, "existing"), name).filter(({ Resource }) =>
        Resource.some((resource) => resource.endsWith(":key/*")),
      );
      expect(keyStatements.length, name).toBeGreaterThan(0);
      for (const { Sid, Condition } of keyStatements) {
        expect(Sid).toMatch(/^KeyIsKnownByItsAlias\d*$/);
        expect(Condition?.["ForAnyValue:StringEquals"]).toHaveProperty(["kms:ResourceAliases"]);
      }
    }
  });
});
