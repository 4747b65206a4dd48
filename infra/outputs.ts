/**
 * What a stack tells other stacks and scripts: ARNs of what they refer to, and no secret. Each is
 * an output of the stack, and a parameter of Systems Manager under a name that needs no look at the
 * stack: `/holdfast/<stage>/topics/critical`.
 */
import { bucketsOf, type Deployment, logicalId, sealingKeysOf, service, signingKeysOf } from "./deployment.ts";
import { functionSpecs, roleName } from "./functions.ts";
import { plainAlias, readKeyName } from "./key-names.ts";
import { machineNames } from "./machine-names.ts";
import { machineLogicalNames } from "./machines.ts";
import { rolesOfStage } from "./source-resources.ts";
import { stateBucketArn } from "./state-buckets.ts";
import { arnOf, ownArn, type Resource, type Resources, ref, sub } from "./template.ts";
import { hasContainers } from "./tools.ts";
import { severities, topicNames } from "./topics.ts";
import { sealingKeyArn, signingKeyArn, storageAlias, storageKeyArn } from "./vault.ts";

interface Output {
  readonly Description: string;
  readonly Value: unknown;
}

interface Published {
  /** The last parts of the parameter's name: `topics/critical`. */
  readonly path: string;
  /** Of the output; undefined where a plugin makes one already. */
  readonly output?: string;
  readonly description: string;
  readonly arn: unknown;
}

/**
 * Functions whose roles others name in policies of their own: of keys, buckets and networks. Not
 * every stack has them all.
 */
const namedRoles = ["prune", "record", "restore", "safeguard"];

/** Everything that is told, in no order. */
function published(deployment: Deployment): readonly Published[] {
  return [
    ...machineNames.map((name) => ({
      path: `machines/${name}`,
      description: `The state machine ${name}`,
      arn: ref(machineLogicalNames[name]),
    })),
    ...severities.map((severity) => ({
      path: `topics/${severity}`,
      output: `${topicNames[severity]}Arn`,
      description: `Alerts that are ${severity}`,
      arn: ref(topicNames[severity]),
    })),
    ...publishedBuckets(deployment),
    ...publishedKeys(deployment),
    ...rolesThere(deployment).map((key) => ({
      path: `roles/${key}`,
      output: `${roleName(key)}Arn`,
      description: `The role of the function ${key}`,
      arn: arnOf(roleName(key)),
    })),
    {
      path: "roles/sources",
      output: "SourceRolesArn",
      description: "The beginning of the ARN of every role of a source",
      arn: rolesOfStage(deployment),
    },
    ...(deployment.vaultAccount === undefined ? ["requesters", "approvers"] : []).map((name) => ({
      path: `policies/${name}`,
      output: `${logicalId(name)}PolicyArn`,
      description: `The managed policy for ${name}`,
      arn: ref(`${logicalId(name)}Policy`),
    })),
    ...(hasContainers(deployment)
      ? [{ path: "cluster", output: "ClusterArn", description: "Containers of large sources", arn: arnOf("Cluster") }]
      : []),
  ];
}

function rolesThere(deployment: Deployment): readonly string[] {
  const there = new Set(functionSpecs(deployment).map(({ key }) => key));
  return namedRoles.filter((key) => there.has(key));
}

function publishedBuckets(deployment: Deployment): readonly Published[] {
  const buckets = [...new Set(bucketsOf(deployment).map(({ bucket }) => bucket))];
  return [
    ...buckets.map((bucket) => ({
      path: `buckets/${bucket}`,
      output: logicalId("Vault", bucket, "Arn"),
      description: `The vault ${bucket}`,
      arn: sub(`arn:\${AWS::Partition}:s3:::${bucket}`),
    })),
    { path: "state-bucket", output: "StateBucketArn", description: "The stack's own state", arn: stateBucketArn(deployment) },
  ];
}

/** By the alias: a key that the stack did not make is known by that alone. */
function publishedKeys(deployment: Deployment): readonly Published[] {
  const vaults = [...new Map(bucketsOf(deployment).map((vault) => [vault.bucket, vault])).values()];
  const of = (kind: "Sealing" | "Signing", keyId: string, arn: unknown): Published => {
    // Of a key that is named by its ARN, the id.
    const name = plainAlias(keyId).replace(/^arn:.*:key\//, "");
    return {
      path: `${kind.toLowerCase()}-keys/${name}`,
      output: logicalId(`${kind}Key`, name, "Arn"),
      description: `The ${kind.toLowerCase()} key ${name}`,
      arn: knownKey(deployment, keyId, arn),
    };
  };
  return [
    ...sealingKeysOf(deployment).map(({ keyId }) => of("Sealing", keyId, sealingKeyArn(deployment, keyId))),
    ...signingKeysOf(deployment).map(({ key }) => of("Signing", key, signingKeyArn(deployment, key))),
    ...(deployment.vaultAccount === undefined
      ? vaults.map((vault) => ({
          path: `storage-keys/${vault.bucket}`,
          output: logicalId("StorageKey", vault.bucket, "Arn"),
          description: `The key that encrypts ${vault.bucket} at rest`,
          arn: knownKey(deployment, storageAlias(vault.bucket), storageKeyArn(deployment, vault)),
        }))
      : []),
    { path: "alerts-key", output: "AlertsKeyArn", description: "The key of alerts on their way", arn: arnOf("AlertsKey") },
  ];
}

/** The key's own ARN, where it is known at packaging; else that of its alias. */
function knownKey({ createsVault }: Deployment, keyId: string, arn: unknown): unknown {
  const { alias, account } = readKeyName(keyId);
  if (alias === undefined || createsVault) return arn;
  return account === undefined ? ownArn("kms", alias) : keyId;
}

export function stackOutputs(deployment: Deployment): Readonly<Record<string, Output>> {
  return Object.fromEntries(
    published(deployment).flatMap(({ output, description: Description, arn: Value }) =>
      output === undefined ? [] : [[output, { Description, Value }]],
    ),
  );
}

/** Where a stage's parameters are. */
export const parametersPath = (stage: string): string => `/${service}/${stage}`;

export function arnParameters(deployment: Deployment): Resources {
  return Object.fromEntries(
    published(deployment).map(({ path, description, arn }): [string, Resource] => [
      logicalId("Parameter", path),
      {
        Type: "AWS::SSM::Parameter",
        Properties: {
          Name: `${parametersPath(deployment.stage)}/${path}`,
          Type: "String",
          Description: `Holdfast: ${description}`,
          Value: arn,
        },
      },
    ]),
  );
}
