/** The signing key of a stack: made, kept, and usable by those who make statements alone. */
import { describe, expect, it } from "vitest";
import { fargateResources } from "../../infra/fargate.ts";
import { functionRoles } from "../../infra/function-roles.ts";
import { vaultResources } from "../../infra/vault.ts";
import { deploy, samplePolicyText } from "./deployments.ts";
import { mayEver, namesOf, propertiesOf, readStatements, statementsOf, type Template } from "./template-model.ts";

const publicKey = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const signing = "signing: { key: alias/acme-signing }";
const pinned = samplePolicyText.replace(signing, `signing: { key: alias/acme-signing, publicKey: ${publicKey} }`);
const key = "arn:aws:kms:eu-central-1:123456789012:key/SigningKeyAcmex2dsigning";

function templateOf(text = samplePolicyText, given = {}): Template {
  const deployment = deploy(text, given);
  const topics = ["CriticalTopic", "WarningTopic", "InfoTopic"].map((name) => [name, { Type: "AWS::SNS::Topic" }]);
  const more = { AlertsKey: { Type: "AWS::KMS::Key" }, AlertQueue: { Type: "AWS::SQS::Queue" } };
  const own = { ...vaultResources(deployment), ...functionRoles(deployment), ...fargateResources(deployment) };
  return { Resources: { ...own, ...Object.fromEntries(topics), ...more } } as Template;
}

const whoMay = (template: Template, action: string, resource = key): string[] =>
  namesOf(template, "AWS::IAM::Role")
    .filter((role) => mayEver(statementsOf(template, role), action, resource))
    .sort();

describe("the signing key", () => {
  it("is made for its alias, of the one type that signs statements, and outlives the stack", () => {
    const template = templateOf();
    expect(propertiesOf(template, "SigningKeyAcmex2dsigning")).toMatchObject({ KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" });
    // AWS KMS refuses rotation of asymmetric keys.
    expect(propertiesOf(template, "SigningKeyAcmex2dsigning")).not.toHaveProperty("EnableKeyRotation");
    expect(propertiesOf(template, "SigningKeyAcmex2dsigningAlias")).toMatchObject({ AliasName: "alias/acme-signing" });
    for (const name of ["SigningKeyAcmex2dsigning", "SigningKeyAcmex2dsigningAlias"]) {
      const { DeletionPolicy, UpdateReplacePolicy } = template.Resources[name] ?? {};
      expect([DeletionPolicy, UpdateReplacePolicy]).toEqual(["RetainExceptOnCreate", "Retain"]);
    }
  });

  it("signs for `record`, `prune` and `erase-add` alone: of what runs code of a backup, nothing", () => {
    for (const text of [samplePolicyText, pinned]) {
      expect(whoMay(templateOf(text), "kms:Sign")).toEqual(["EraseAddRole", "PruneRole", "RecordRole"]);
    }
    const existing = templateOf(samplePolicyText, { vault: "existing" });
    expect(whoMay(existing, "kms:Sign", "arn:aws:kms:eu-central-1:123456789012:key/any")).toEqual([
      "EraseAddRole",
      "PruneRole",
      "RecordRole",
    ]);
    for (const role of ["EraseAddRole", "PruneRole", "RecordRole"]) {
      const own = statementsOf(existing, role).filter(({ Action }) => Action.includes("kms:Sign"));
      expect(
        own.map(({ Condition }) => Condition),
        role,
      ).toEqual([{ "ForAnyValue:StringEquals": { "kms:ResourceAliases": ["alias/acme-signing"] } }]);
    }
  });

  it("that was replaced signs nothing, and what it signed is still checked", () => {
    const two = samplePolicyText.replace(
      /main: (\{ type: kms.*\})/,
      `main: [{ type: kms, keyId: alias/acme-new, signing: { key: alias/acme-new-signing } }, $1]`,
    );
    const template = templateOf(two);
    const next = "arn:aws:kms:eu-central-1:123456789012:key/SigningKeyAcmex2dnewx2dsigning";
    expect(whoMay(template, "kms:Sign")).toEqual([]);
    expect(whoMay(template, "kms:Sign", next)).toEqual(["EraseAddRole", "PruneRole", "RecordRole"]);
    for (const each of [key, next]) expect(whoMay(template, "kms:GetPublicKey", each)).toContain("WatchRole");
  });

  it("is asked for its public half by whoever reads evidence, and by nobody where the policy has it", () => {
    const readers = whoMay(templateOf(), "kms:GetPublicKey");
    expect(readers).toEqual(
      expect.arrayContaining(["PlanRole", "WatchRole", "PruneRole", "RecordRole", "RestoreRole", "ProveDb1Role"]),
    );
    expect(readers).not.toContain("SlackRole");
    expect(whoMay(templateOf(pinned), "kms:GetPublicKey")).toEqual([]);
  });

  it("is reached from the network without a way out for its public half alone", () => {
    const actions = (text: string): string[] => {
      const template = templateOf(text);
      const statements = readStatements(template, propertiesOf(template, "ProvingKmsEndpoint")["PolicyDocument"]);
      return statements.filter(({ Resource }) => Resource.includes(key)).flatMap(({ Action }) => Action);
    };
    expect(actions(samplePolicyText)).toEqual(["kms:GetPublicKey"]);
    expect(actions(pinned)).toEqual([]);
  });
});

describe("who may sign", () => {
  const objects = (room: string) => `arn:aws:s3:::acme-backups/production/${room}/db1/20261120T020000Z-full-7k3f9a.json`;

  it("writes its own kind of statement alone: `record` evidence and the audit trail, `prune` tombstones, `erase-add` erasures, nobody holds", () => {
    const template = templateOf();
    expect(whoMay(template, "s3:PutObject", objects("evidence"))).toEqual(["RecordRole"]);
    expect(whoMay(template, "s3:PutObject", objects("tombstones"))).toEqual(["PruneRole"]);
    expect(whoMay(template, "s3:PutObject", objects("holds"))).toEqual([]);
    const entry = "arn:aws:s3:::acme-backups/production/audit/0000000001.json";
    expect(whoMay(template, "s3:PutObject", entry)).toEqual(["RecordRole"]);
    expect(whoMay(template, "s3:DeleteObject", entry)).toEqual([]);
    const erasure = "arn:aws:s3:::acme-backups/production/erasures/db1/0000000001.json";
    expect(whoMay(template, "s3:PutObject", erasure)).toEqual(["EraseAddRole"]);
    expect(whoMay(template, "s3:DeleteObject", erasure)).toEqual([]);
    expect(whoMay(template, "s3:GetObject", erasure)).toEqual(["EraseAddRole", "RestoreRole"]);
  });
});
