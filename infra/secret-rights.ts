/**
 * Who reads which secret of Secrets Manager, and opens it where a key of the account's own encrypts
 * it; and who logs in to RDS without one.
 */
import { allChannels } from "../src/alerts/route.ts";
import type { ConnectionReference, RdsConnection, SourceConfig } from "../src/policy/policy.ts";
import { regionOf } from "../src/policy/rds-region.ts";
import type { Deployment } from "./deployment.ts";
import { allow, type Statement, sub } from "./template.ts";

/** The secrets that the source's backups need, and its logins to RDS. */
export function readSecretsOf({ secrets }: SourceConfig): Statement[] {
  return readSecrets(secrets);
}

/**
 * A managed policy may have 6,144 characters, a role's inline policies 10,240 together (IAM and AWS
 * STS quotas); the ARN of a secret or of a database's user has about 130.
 */
const connectionsOfPolicy = 40;

/**
 * The connections of all sources and of the policy's restore targets, in as few statements as
 * possible: one a source would outgrow what IAM takes of a role. The first group is the role's own;
 * the others are managed policies beside it.
 */
export function readConnections({ policy: { sources, restoreTargets = {} } }: Deployment): Statement[][] {
  const ofSources = Object.values(sources).flatMap(({ secrets }) => secrets);
  const all = [...ofSources, ...Object.values(restoreTargets)].filter(({ from }) => from === "secret" || from === "rds");
  const once = [...new Map(all.map((connection) => [JSON.stringify(connection), connection])).values()];
  return Array.from({ length: Math.ceil(once.length / connectionsOfPolicy) }, (_, index) =>
    readSecrets(once.slice(index * connectionsOfPolicy, (index + 1) * connectionsOfPolicy)),
  );
}

/** Webhooks of the policy's Slack channels. */
export function readWebhooks({ policy }: Deployment): Statement[] {
  const webhooks = allChannels(policy.alerts).flatMap(({ channel }) => (channel.type === "slack" ? [channel.webhook] : []));
  return readSecrets(webhooks);
}

/**
 * The policy's own secret, and the right to open every secret that the role may read: every role
 * reads the policy.
 */
export function readPolicy(deployment: Deployment): Statement[] {
  return [allow(["secretsmanager:GetSecretValue"], [secretArn(`${deployment.prefix}/policy`)]), ...openSecrets(deployment)];
}

function readSecrets(connections: readonly ConnectionReference[]): Statement[] {
  const ids = connections.flatMap((secret) => (secret.from === "secret" ? [secret.id] : []));
  const logins = connections.flatMap((connection) => (connection.from === "rds" ? [loginArn(connection)] : []));
  return [
    ...(ids.length === 0 ? [] : [allow(["secretsmanager:GetSecretValue"], [...new Set(ids)].map(secretArn))]),
    ...(logins.length === 0 ? [] : [allow(["rds-db:connect"], [...new Set(logins)].map(sub))]),
  ];
}

/**
 * A user of a database, as IAM authentication of RDS names it (Amazon RDS user guide, "Creating and
 * using an IAM policy for IAM database access"); without the server's id, on any of the account.
 */
function loginArn(connection: RdsConnection): string {
  const region = regionOf(connection) ?? `\${AWS::Region}`;
  const server = connection.resourceId ?? "*";
  return `arn:\${AWS::Partition}:rds-db:${region}:\${AWS::AccountId}:dbuser:${server}/${connection.user}`;
}

/**
 * Secrets Manager asks KMS in the name of the role that reads a secret, and for no secret that the
 * role may not read (Secrets Manager user guide, "Secret encryption and decryption": kms:Decrypt,
 * by way of the service).
 */
function openSecrets({ secretsKeys, region }: Deployment): Statement[] {
  if (secretsKeys.length === 0) return [];
  const viaSecretsManager = { StringEquals: { "kms:ViaService": `secretsmanager.${region}.amazonaws.com` } };
  return [allow(["kms:Decrypt"], secretsKeys, viaSecretsManager)];
}

/**
 * Secrets Manager adds a hyphen and six characters to a secret's name in its ARN; `?` stands for
 * each.
 */
function secretArn(id: string): unknown {
  if (id.startsWith("arn:")) return id;
  return sub(`arn:\${AWS::Partition}:secretsmanager:\${AWS::Region}:\${AWS::AccountId}:secret:${id}-??????`);
}
