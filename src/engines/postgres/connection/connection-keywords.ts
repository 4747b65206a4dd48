/**
 * libpq's connection keywords: which Holdfast reads, which it hands to the tools, which it may
 * ignore.
 */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { ConnectionKeywords } from "./connection-string.ts";

/** The keywords that have a field in ConnectionSettings, and their environment variables. */
export const fieldVariables: Readonly<Record<string, string>> = {
  host: "PGHOST",
  port: "PGPORT",
  user: "PGUSER",
  dbname: "PGDATABASE",
  password: "PGPASSWORD",
  passfile: "PGPASSFILE",
  service: "PGSERVICE",
  sslmode: "PGSSLMODE",
  sslrootcert: "PGSSLROOTCERT",
  sslcert: "PGSSLCERT",
  sslkey: "PGSSLKEY",
  connect_timeout: "PGCONNECT_TIMEOUT",
};

/** Keywords that go to the tools as they are. */
export const passedVariables: Readonly<Record<string, string>> = {
  hostaddr: "PGHOSTADDR",
  options: "PGOPTIONS",
  channel_binding: "PGCHANNELBINDING",
  require_auth: "PGREQUIREAUTH",
  requirepeer: "PGREQUIREPEER",
  sslnegotiation: "PGSSLNEGOTIATION",
  sslcertmode: "PGSSLCERTMODE",
  sslcrl: "PGSSLCRL",
  sslcrldir: "PGSSLCRLDIR",
  sslsni: "PGSSLSNI",
  ssl_min_protocol_version: "PGSSLMINPROTOCOLVERSION",
  ssl_max_protocol_version: "PGSSLMAXPROTOCOLVERSION",
  gssencmode: "PGGSSENCMODE",
  krbsrvname: "PGKRBSRVNAME",
  gsslib: "PGGSSLIB",
  target_session_attrs: "PGTARGETSESSIONATTRS",
};

/** Keywords that Holdfast sets itself, or that change nothing of a backup. */
const ignoredKeywords = new Set([
  "application_name",
  "fallback_application_name",
  "client_encoding",
  "keepalives",
  "keepalives_idle",
  "keepalives_interval",
  "keepalives_count",
  "tcp_user_timeout",
  "sslcompression",
  "load_balance_hosts",
]);

/**
 * Refuses keywords that libpq does not know or Holdfast cannot pass on: a mistyped sslmode must not
 * be ignored. Errors: SecretUnavailable.
 */
export function checkKeywords(keywords: ConnectionKeywords, where: string): void {
  for (const keyword of Object.keys(keywords)) {
    if (keyword in fieldVariables || keyword in passedVariables || ignoredKeywords.has(keyword)) continue;
    throw new HoldfastError("SecretUnavailable", `the connection in ${where} has a setting that cannot be used: ${keyword}`, {
      hint:
        keyword === "sslpassword"
          ? "Use a client key without a passphrase, readable by its owner only."
          : "Use libpq's own keywords; docs/postgres.md lists those that are supported.",
    });
  }
}
