/**
 * What `check` says of the connection itself: encryption, what stands in between, and whether libpq
 * agrees with the driver.
 */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { Finding } from "../../finding.ts";
import { runClientTool, toolWords } from "../run-tool.ts";
import type { ClientTools } from "../tools.ts";
import { type ConnectionSettings, describePlace } from "./connection.ts";
import type { Connection } from "./driver.ts";

/**
 * The modes in which a server, or anyone on the way, can have the password in clear text by
 * refusing TLS.
 */
const plainModes: readonly string[] = ["disable", "allow", "prefer"];

/** Sockets and loopback addresses: nobody is on the way. */
function isLocal({ host, variables }: ConnectionSettings): boolean {
  const address = variables["PGHOSTADDR"] ?? host;
  return address.startsWith("/") || address.startsWith("@") || /^(?:localhost|127(?:\.\d+){3}|::1)$/i.test(address);
}

/** A warning for a connection over a network that is not encrypted for certain, or not verified. */
export function checkTls(settings: ConnectionSettings): Finding[] {
  if (isLocal(settings)) return [];
  const { sslmode, sslrootcert } = settings;
  const remedy = "Add sslmode=verify-full and sslrootcert to the connection.";
  if (plainModes.includes(sslmode)) {
    const message = `sslmode ${sslmode} does not force encryption: anyone on the way to ${settings.host} can make the connection send the password and all rows in clear text`;
    return [{ level: "warning", subject: "encryption", message, remedy }];
  }
  if (sslmode === "verify-full" || sslrootcert === "system") return [];
  const what = sslmode === "verify-ca" ? "does not verify the host's name" : "does not verify who answers";
  return [
    { level: "warning", subject: "encryption", message: `sslmode ${sslmode} encrypts but ${what} as ${settings.host}`, remedy },
  ];
}

/**
 * Refuses a connection over a network that is not encrypted for certain: in a stack on AWS. Errors:
 * SourceAccessDenied.
 */
export function assertEncrypted(settings: ConnectionSettings): void {
  if (isLocal(settings) || !plainModes.includes(settings.sslmode)) return;
  throw new HoldfastError(
    "SourceAccessDenied",
    `the connection to ${describePlace(settings)} has sslmode ${settings.sslmode}, which does not force encryption`,
    { hint: "Set sslmode=verify-full (or at least require) in the secret." },
  );
}

/**
 * Hosts and ports that are poolers by their names: 6432 is PgBouncer's own port; `-pooler` is
 * Neon's, `pooler.` Supabase's.
 */
export function checkPoolerName({ host, port }: ConnectionSettings): Finding[] {
  if (port !== 6432 && !/-pooler\.|(^|\.)pooler\.|pgbouncer/i.test(host)) return [];
  const message = `${host}:${port} looks like a connection pooler; one that gives each transaction another session is refused`;
  return [{ level: "warning", subject: "connection", message, remedy: "Connect to the database server itself." }];
}

/** A warning where something stands between here and the server. */
export function checkProxy(connection: Connection, settings: ConnectionSettings): Finding[] {
  if (!connection.proxied) return [];
  return [
    {
      level: "warning",
      subject: "connection",
      message: `a pooler or proxy answers at ${settings.host}:${settings.port}; it keeps each connection's session, so dumps work through it`,
      remedy: "Connect to the database server itself where you can.",
    },
  ];
}

/**
 * Connects once as pg_dump will: libpq knows settings that the driver does not. Errors:
 * ToolMissing, Interrupted.
 */
export async function checkLibpq(tools: ClientTools, settings: ConnectionSettings, context: RunContext): Promise<Finding[]> {
  const args = ["--no-psqlrc", "--no-password", "--quiet", "--tuples-only", "--command=SELECT 1"];
  const answer = await runClientTool(tools.psql, args, settings, context);
  if (answer.exitCode === 0) return [];
  return [
    {
      level: "error",
      subject: "connection",
      message: `PostgreSQL's own programs cannot connect to ${describePlace(settings)}: ${toolWords(answer, settings).at(-1) ?? ""}`,
      remedy: "Correct the settings in the connection; pg_dump uses them as they are.",
    },
  ];
}
