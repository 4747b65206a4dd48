/** What may stand after --to, and the connection it means. */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { PostgresSource } from "../../../policy/engines/postgres/source.ts";
import type { SecretReference } from "../../../policy/policy.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import { type ConnectionSettings, resolveConnection, settingsFrom } from "../connection/connection.ts";
import { parseConnectionString } from "../connection/connection-string.ts";
import { maxNameBytes } from "./restore-names.ts";

const forms =
  "Give the name of a new database on the source's server, or env:NAME, file:/PATH or service:NAME of a connection whose database is the target.";

/**
 * The reference in `env:NAME`, `file:PATH`, `service:NAME` or `secret:ID`; undefined for anything
 * else.
 */
function parseReference(target: string): SecretReference | undefined {
  const match = /^(env|file|service|secret):(.+)$/s.exec(target);
  const [, from, value = ""] = match ?? [];
  switch (from) {
    case "env":
    case "service":
      return { from, name: value };
    case "file":
      return { from, path: value };
    case "secret":
      return { from, id: value };
    default:
      return undefined;
  }
}

/**
 * The connection to the target; its database need not exist yet.
 * Errors: UsageInvalid for a form that is not taken, or a password in the command line;
 * SecretUnavailable.
 */
export async function resolveTarget(
  target: string,
  source: PostgresSource | undefined,
  context: RunContext,
): Promise<ConnectionSettings> {
  const reference = parseReference(target);
  if (reference !== undefined) return (await resolveConnection(reference, context)).settings;
  if (/^postgres(?:ql)?:\/\//i.test(target)) {
    const keywords = parseConnectionString(target, "--to");
    if (keywords["password"] !== undefined) {
      throw new HoldfastError(
        "UsageInvalid",
        "the connection after --to has a password, which every user of this machine can read there",
        {
          hint: "Put the connection string into an environment variable or a file, and give env:NAME or file:/PATH.",
        },
      );
    }
    return settingsFrom(keywords, "--to", context);
  }
  refuseConnectionText(target);
  refusePath(target);
  checkName(target);
  if (source === undefined) {
    throw new HoldfastError(
      "UsageInvalid",
      `cannot tell which server to restore ${JSON.stringify(target)} to: the backup's source is not in the policy`,
      {
        hint: forms,
      },
    );
  }
  return { ...(await resolveConnection(source.connection, context)).settings, database: target };
}

/** What is meant as a directory would become a database's name. */
function refusePath(target: string): void {
  if (!/^(?:\.{0,2}|~[^/]*)\//.test(target)) return;
  const message = `${JSON.stringify(target)} is a path, not the name of a database`;
  throw new HoldfastError("UsageInvalid", message, { hint: `This backup holds a database. ${forms}` });
}

/**
 * What is meant as a connection would become a database's name, with a password in it. Never
 * repeats the text.
 */
function refuseConnectionText(target: string): void {
  if (!/=|:\/\/|:[^/]*@/.test(target)) return;
  throw new HoldfastError("UsageInvalid", "what is after --to looks like a connection, not like the name of a database", {
    hint: forms,
  });
}

function checkName(name: string): void {
  const bytes = Buffer.byteLength(name);
  if (bytes > 0 && bytes <= maxNameBytes && !name.includes("\0") && !["template0", "template1"].includes(name)) return;
  throw new HoldfastError("UsageInvalid", `${JSON.stringify(name)} cannot be the name of a restored database`, { hint: forms });
}
