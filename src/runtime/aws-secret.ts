/** Secrets that stand in AWS Secrets Manager. The SDK is loaded only when one is read. */
import { HoldfastError } from "../errors/holdfast-error.ts";

/** Gives the secret's text. */
export type SecretReader = (id: string) => Promise<string>;

/** Reads a secret's current version. Errors: SecretUnavailable. */
export async function readAwsSecret(id: string): Promise<string> {
  const { SecretsManagerClient, GetSecretValueCommand } = await import("@aws-sdk/client-secrets-manager");
  // An ARN says its region; a bare name is looked for in the caller's own.
  const region = /^arn:[^:]+:secretsmanager:([^:]+):/.exec(id)?.[1];
  const client = new SecretsManagerClient(region === undefined ? {} : { region });
  try {
    const answer = await client.send(new GetSecretValueCommand({ SecretId: id }));
    if (answer.SecretString !== undefined) return answer.SecretString;
    if (answer.SecretBinary !== undefined) return Buffer.from(answer.SecretBinary).toString("utf8");
    throw new HoldfastError("SecretUnavailable", `secret ${id} has no value`);
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    throw readError(id, error as Error);
  } finally {
    client.destroy();
  }
}

function readError(id: string, error: Error): HoldfastError {
  const hints: Record<string, string> = {
    ResourceNotFoundException: "Check the secret's name and the region; a name without an ARN is looked for in AWS_REGION.",
    AccessDeniedException: `Grant this identity secretsmanager:GetSecretValue on ${id} (and kms:Decrypt on its key).`,
  };
  const hint = hints[error.name];
  return new HoldfastError("SecretUnavailable", `cannot read secret ${id} from Secrets Manager: ${error.name}`, {
    cause: error,
    hint: hint ?? "Check AWS_REGION, this identity's credentials and its route to Secrets Manager.",
  });
}
