/** The stack that backs up and the one that owns its vault, as IAM has them: in two accounts. */
import { functionRoles } from "../../../infra/function-roles.ts";
import { vaultResources } from "../../../infra/vault.ts";
import { type Owner, type OwnerParameters, readOwner } from "../../../infra/vault-owner/owner.ts";
import { ownerResources } from "../../../infra/vault-owner/pruning.ts";
import { deploy, foreignPolicyText, withPolicyFile } from "../deployments.ts";
import { namesOf, propertiesOf, readStatements, type Statement, statementsOf, type Template } from "../template-model.ts";

export const working = "111111111111";
export const owning = "222222222222";
export const stackPath = `arn:aws:iam::${working}:role/holdfast-dev/eu-central-1`;

export function ownerOf(text = foreignPolicyText, given: Partial<OwnerParameters> = {}): Owner {
  const parameters = {
    stage: "dev",
    region: "eu-west-1",
    vault: "create",
    stacks: stackPath,
    readers: "",
    mail: "",
    boundary: "",
    protection: "on",
    trail: "off",
  };
  return withPolicyFile(text, (policy) => readOwner({ ...parameters, ...given, policy }));
}

export interface Role {
  readonly arn: string;
  readonly statements: readonly Statement[];
}

function roleOf(template: Template, name: string): Role {
  const { RoleName = name, Path } = propertiesOf(template, name);
  return { arn: `arn:aws:iam::${template.account}:role${Path}${RoleName}`, statements: statementsOf(template, name) };
}

/** Roles of a stack's functions, as they are in its own account. */
export function workingRoles(): ReadonlyMap<string, Role> {
  const deployment = deploy(foreignPolicyText, { vault: "foreign", proving: "open" });
  const topics = ["CriticalTopic", "WarningTopic", "InfoTopic"].map((name) => [name, { Type: "AWS::SNS::Topic" }]);
  const more = { AlertsKey: { Type: "AWS::KMS::Key" }, AlertQueue: { Type: "AWS::SQS::Queue" } };
  const own = { ...vaultResources(deployment), ...functionRoles(deployment) };
  const template = { account: working, Resources: { ...own, ...Object.fromEntries(topics), ...more } } as Template;
  return new Map(namesOf(template, "AWS::IAM::Role").map((name) => [name, roleOf(template, name)]));
}

export function ownerTemplate(owner = ownerOf()): Template {
  const prune = { Type: "AWS::Lambda::Function", Properties: { FunctionName: `${owner.prefix}-prune` } };
  const Resources = { ...ownerResources(owner), PruneLambdaFunction: prune };
  return { account: owning, region: owner.region, Resources } as Template;
}

/** The policies of the owner's buckets and keys, by the ARN of what they are of. */
export function ownersPolicies(template = ownerTemplate()): ReadonlyMap<string, readonly Statement[]> {
  const buckets = namesOf(template, "AWS::S3::BucketPolicy").map((name) => propertiesOf(template, name));
  const keys = namesOf(template, "AWS::KMS::Key");
  return new Map([
    ...buckets.map(({ Bucket, PolicyDocument }) => [`arn:aws:s3:::${Bucket}`, readStatements(template, PolicyDocument)] as const),
    ...keys.map(
      (name) =>
        [
          `arn:aws:kms:eu-west-1:${owning}:key/${name}`,
          readStatements(template, propertiesOf(template, name)["KeyPolicy"]),
        ] as const,
    ),
  ]);
}

/** The role that prunes, in the owner's account. */
export const pruneRole = (): Role => roleOf(ownerTemplate(), "PruneRole");
