/** The secrets that the policy names: that they are there, and that roles may open them. */
import { DescribeSecretCommand } from "@aws-sdk/client-secrets-manager";
import { allChannels } from "../../src/alerts/route.ts";
import type { DeploymentFinding } from "../adoption/finding.ts";
import type { Deployment } from "../deployment.ts";
import type { PreflightClients } from "./clients.ts";

/** Their values are not read. Errors: those of Secrets Manager. */
export async function inspectSecrets(
  { policy, secretsKeys }: Pick<Deployment, "policy" | "secretsKeys">,
  { secrets }: Pick<PreflightClients, "secrets">,
): Promise<DeploymentFinding[]> {
  const references = [
    ...Object.values(policy.sources).flatMap((source) => source.secrets),
    ...Object.values(policy.restoreTargets ?? {}),
    ...allChannels(policy.alerts).flatMap(({ channel }) => (channel.type === "slack" ? [channel.webhook] : [])),
  ];
  const ids = new Set(references.flatMap((reference) => (reference.from === "secret" ? [reference.id] : [])));
  const findings: DeploymentFinding[] = [];
  for (const id of ids) findings.push({ about: "secrets", ...(await inspectSecret(id, secretsKeys, secrets)) });
  return findings;
}

async function inspectSecret(
  id: string,
  keys: readonly string[],
  client: PreflightClients["secrets"],
): Promise<Omit<DeploymentFinding, "about">> {
  const problem = (message: string, remedy: string) => ({ level: "error", subject: id, message, remedy }) as const;
  try {
    const { DeletedDate, KmsKeyId } = await client.send(new DescribeSecretCommand({ SecretId: id }));
    if (DeletedDate !== undefined) return problem("is to be deleted", `aws secretsmanager restore-secret --secret-id ${id}`);
    if (KmsKeyId === undefined || KmsKeyId.endsWith("alias/aws/secretsmanager"))
      return { level: "ok", subject: id, message: "there" };
    // Named as the secret's owner named it: by its ARN or its id.
    if (keys.some((arn) => arn === KmsKeyId || arn.endsWith(`:key/${KmsKeyId}`)))
      return { level: "ok", subject: id, message: "there, and its key is one of secretsKeys" };
    return problem(
      `is encrypted with ${KmsKeyId}, which the functions may not use`,
      "Name the key's ARN in --param=secretsKeys=…, or give the secret AWS's own key: " +
        `aws secretsmanager update-secret --secret-id ${id} --kms-key-id alias/aws/secretsmanager`,
    );
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "ResourceNotFoundException") throw error;
    return problem(
      "is not in this account and region",
      `aws secretsmanager create-secret --name ${id} --secret-string file://FILE`,
    );
  }
}
