/** Connections that stand in AWS Secrets Manager. The SDK is loaded only when a policy names one. */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { type ConnectionKeywords, parseConnectionString } from "./connection-string.ts";

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

/** Keys of the JSON that RDS and its consoles write, and the libpq keywords they mean. */
const keywordOf: Readonly<Record<string, string>> = {
  host: "host",
  port: "port",
  username: "user",
  user: "user",
  password: "password",
  dbname: "dbname",
  database: "dbname",
  sslmode: "sslmode",
  sslrootcert: "sslrootcert",
};

/**
 * The connection that a secret's text describes: RDS's JSON (`host`, `port`, `username`, `password`, `dbname`), or a
 * connection string. Errors: SecretUnavailable when it is neither or lacks the host or the database.
 */
export function parseAwsSecret(text: string, id: string): ConnectionKeywords {
  const where = `secret ${id}`;
  if (!text.trimStart().startsWith("{")) return parseConnectionString(text, where);
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch {
    // The parser's message quotes the text: not kept.
    throw new HoldfastError("SecretUnavailable", `the JSON in ${where} cannot be parsed`);
  }
  const keywords: Record<string, string> = {};
  for (const [key, value] of Object.entries(fields as Record<string, unknown>)) {
    const keyword = keywordOf[key];
    if (keyword !== undefined && (typeof value === "string" || typeof value === "number")) keywords[keyword] = String(value);
  }
  const missing = ["host", "user", "password", "dbname"].filter((keyword) => keywords[keyword] === undefined);
  if (missing.length === 0) return keywords;
  throw new HoldfastError("SecretUnavailable", `${where} lacks ${missing.join(", ")}`, {
    hint: "Store a JSON object with host, port, username, password and dbname, or a postgresql:// URI.",
  });
}
