/** The connection that a secret of AWS Secrets Manager describes. */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import { type ConnectionKeywords, parseConnectionString } from "./connection-string.ts";

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
 * The connection that a secret's text describes: RDS's JSON (`host`, `port`, `username`,
 * `password`, `dbname`), or a connection string. Errors: SecretUnavailable when it is neither or
 * lacks the host or the database.
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
