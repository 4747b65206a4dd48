/**
 * Where a PostgreSQL source is and how to log in there: from the policy's reference to settings for
 * tools and driver.
 */
import { access, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { ConnectionReference, RdsConnection, SecretReference } from "../../../policy/policy.ts";
import type { Notice } from "../../../proof/content.ts";
import { readAwsSecret, type SecretReader } from "../../../runtime/aws-secret.ts";
import { Secret } from "../../../runtime/secret.ts";
import { parseAwsSecret } from "./aws-secret.ts";
import { type ConnectionEnvironment, readPassfile, readService } from "./connection-files.ts";
import { checkKeywords, fieldVariables, passedVariables } from "./connection-keywords.ts";
import { type ConnectionKeywords, parseConnectionString } from "./connection-string.ts";
import { type LoginTokens, loginTokens } from "./rds-token.ts";

export const sslModes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
export type SslMode = (typeof sslModes)[number];

export interface ConnectionSettings {
  /** A name, an address, or the absolute path of a socket's directory. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly password?: Secret | undefined;
  /** Instead of a password: logins that last minutes (rds-token.ts). */
  readonly tokens?: LoginTokens | undefined;
  readonly sslmode: SslMode;
  /** A file, or `system`. */
  readonly sslrootcert?: string | undefined;
  readonly sslcert?: string | undefined;
  readonly sslkey?: string | undefined;
  readonly connectTimeoutSeconds: number;
  /** Further settings by libpq's environment variable: PGOPTIONS, PGCHANNELBINDING … */
  readonly variables: Readonly<Record<string, string>>;
}

export interface ResolvedConnection {
  readonly settings: ConnectionSettings;
  /** What a person should fix about how the secret is kept. */
  readonly notices: readonly Notice[];
}

/**
 * libpq waits for ever by default; half a minute outlasts a failover's DNS change without hanging a
 * schedule.
 */
const defaultConnectTimeoutSeconds = 30;
/** Directories that PostgreSQL's own build and the distributions use for sockets. */
const socketDirectories = ["/var/run/postgresql", "/run/postgresql", "/tmp"];

/**
 * Resolves the policy's reference to settings: the connection string's keywords first, then the
 * service it names, then the PG* variables of the environment, then libpq's defaults.
 * Errors: SecretUnavailable, never with the secret in it.
 */
export async function resolveConnection(
  reference: ConnectionReference,
  context: ConnectionEnvironment,
  readSecret: SecretReader = readAwsSecret,
): Promise<ResolvedConnection> {
  const notices: Notice[] = [];
  if (reference.from === "rds") return { settings: rdsSettings(reference, context), notices };
  const own = await readReference(reference, context, readSecret, notices);
  return { settings: await settingsFrom(own, describeReference(reference), context), notices };
}

/**
 * Nothing of the environment goes in: what the policy says is what the role is allowed. A token is
 * as good as a password for its minutes, so that nobody but the server itself may get it.
 */
function rdsSettings(reference: RdsConnection, { environment }: ConnectionEnvironment): ConnectionSettings {
  const { host, port, user, database, sslrootcert } = reference;
  return {
    ...{ host, port, user, database, sslrootcert },
    sslmode: "verify-full",
    connectTimeoutSeconds: defaultConnectTimeoutSeconds,
    tokens: loginTokens(reference, environment),
    variables: {},
  };
}

/**
 * The same settings with a password for a connection that begins now: a token of RDS is made anew.
 * Errors: SecretUnavailable.
 */
export async function withLogin(settings: ConnectionSettings): Promise<ConnectionSettings> {
  return settings.tokens === undefined ? settings : { ...settings, password: await settings.tokens.next() };
}

/**
 * Settings from keywords that are already there (a restore's target URI).
 * Errors: SecretUnavailable.
 */
export async function settingsFrom(
  own: ConnectionKeywords,
  where: string,
  context: ConnectionEnvironment,
): Promise<ConnectionSettings> {
  checkKeywords(own, where);
  const serviceName = own["service"] ?? context.environment["PGSERVICE"];
  const service = serviceName === undefined ? {} : await readService(serviceName, context);
  checkKeywords(service, `service "${serviceName}"`);
  const fromEnvironment = Object.entries({ ...fieldVariables, ...passedVariables }).flatMap(([keyword, variable]) => {
    const value = context.environment[variable];
    return value === undefined || value === "" ? [] : [[keyword, value] as const];
  });
  return complete({ ...Object.fromEntries(fromEnvironment), ...service, ...own }, where, context);
}

function describeReference(reference: SecretReference): string {
  switch (reference.from) {
    case "env":
      return `environment variable ${reference.name}`;
    case "file":
      return `file ${reference.path}`;
    case "service":
      return `service "${reference.name}"`;
    case "secret":
      return `secret ${reference.id}`;
  }
}

async function readReference(
  reference: SecretReference,
  context: ConnectionEnvironment,
  readSecret: SecretReader,
  notices: Notice[],
): Promise<ConnectionKeywords> {
  const where = describeReference(reference);
  switch (reference.from) {
    case "env": {
      const value = context.environment[reference.name];
      if (value !== undefined && value !== "") return parseConnectionString(value, where);
      throw new HoldfastError("SecretUnavailable", `${where} is not set`, {
        hint: `Set ${reference.name} to a connection string: postgresql://user:password@host:port/database.`,
      });
    }
    case "file":
      return parseConnectionString(await readSecretFile(reference.path, notices), where);
    case "service":
      return { service: reference.name };
    case "secret":
      return parseAwsSecret(await readSecret(reference.id), reference.id);
  }
}

async function readSecretFile(path: string, notices: Notice[]): Promise<string> {
  try {
    if (((await stat(path)).mode & 0o004) !== 0) {
      const message = `file ${path} holds a connection and everybody on this machine may read it`;
      notices.push({ code: "connection-file-readable", subject: path, message });
    }
    return await readFile(path, "utf8");
  } catch (error) {
    throw new HoldfastError(
      "SecretUnavailable",
      `cannot read the connection in file ${path}: ${(error as NodeJS.ErrnoException).code}`,
      {
        cause: error,
      },
    );
  }
}

async function complete(
  keywords: ConnectionKeywords,
  where: string,
  { environment }: ConnectionEnvironment,
): Promise<ConnectionSettings> {
  const problem = (text: string, hint: string): HoldfastError =>
    new HoldfastError("SecretUnavailable", `the connection in ${where} ${text}`, { hint });
  const port = Number(keywords["port"] ?? "5432");
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw problem("has an invalid port", "Use a port from 1 to 65535.");
  const user = keywords["user"] ?? environment["USER"] ?? environment["LOGNAME"];
  if (user === undefined) throw problem("names no user", "Add the user to the connection.");
  const database = keywords["dbname"] ?? user;
  const host = keywords["host"] ?? keywords["hostaddr"] ?? (await findSocketDirectory(port));
  if (host.includes(",")) throw problem("names several hosts, of which Holdfast takes one", "Name the one host to dump from.");
  const sslmode = sslModes.find((mode) => mode === (keywords["sslmode"] ?? "prefer"));
  if (sslmode === undefined) throw problem("has an unknown sslmode", `Use one of ${sslModes.join(", ")}.`);
  const timeout = Number(keywords["connect_timeout"] ?? defaultConnectTimeoutSeconds);
  const password = await findPassword(keywords, { host, port, database, user }, environment);
  const variables = Object.entries(passedVariables).flatMap(([keyword, variable]) => {
    const value = keywords[keyword];
    return value === undefined ? [] : [[variable, value] as const];
  });
  return {
    host,
    port,
    user,
    database,
    sslmode,
    connectTimeoutSeconds: Number.isFinite(timeout) && timeout > 0 ? Math.ceil(timeout) : defaultConnectTimeoutSeconds,
    password,
    ...(await findCertificates(keywords, environment)),
    variables: Object.fromEntries(variables),
  };
}

async function findPassword(
  keywords: ConnectionKeywords,
  query: { host: string; port: number; database: string; user: string },
  environment: ConnectionEnvironment["environment"],
): Promise<Secret | undefined> {
  const given = keywords["password"];
  if (given !== undefined && given !== "") return new Secret(given);
  const home = environment["HOME"];
  const passfile = keywords["passfile"] ?? (home === undefined ? undefined : join(home, ".pgpass"));
  return passfile === undefined ? undefined : readPassfile(passfile, query);
}

/** The files named, or those that libpq takes by default where they exist. */
async function findCertificates(
  keywords: ConnectionKeywords,
  environment: ConnectionEnvironment["environment"],
): Promise<Partial<Pick<ConnectionSettings, "sslrootcert" | "sslcert" | "sslkey">>> {
  const defaults = { sslrootcert: "root.crt", sslcert: "postgresql.crt", sslkey: "postgresql.key" };
  const found: Record<string, string> = {};
  for (const [keyword, name] of Object.entries(defaults)) {
    const home = environment["HOME"];
    const file = keywords[keyword] ?? (home === undefined ? undefined : join(home, ".postgresql", name));
    if (file !== undefined && (keywords[keyword] !== undefined || (await exists(file)))) found[keyword] = file;
  }
  return found;
}

async function findSocketDirectory(port: number): Promise<string> {
  for (const directory of socketDirectories) {
    if (await exists(join(directory, `.s.PGSQL.${port}`))) return directory;
  }
  return "localhost";
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Settings of a server, database or role that change how pg_dump writes values and definitions, and
 * that it leaves as they are; given at connection, so that they have precedence. A dump then reads
 * the same wherever it was taken and is loaded.
 */
const dumpSettings = ["lc_monetary=C", "bytea_output=hex", "quote_all_identifiers=off", "standard_conforming_strings=on"];

/**
 * The environment with which libpq's programs connect there (`withLogin` first); hold it no longer
 * than needed, the password is in it.
 */
export function toolEnvironment(settings: ConnectionSettings): Record<string, string> {
  const own = settings.variables["PGOPTIONS"];
  return {
    ...settings.variables,
    PGOPTIONS: [...(own === undefined ? [] : [own]), ...dumpSettings.map((setting) => `-c ${setting}`)].join(" "),
    // Instants are written in the session's time zone.
    PGTZ: "UTC",
    PGHOST: settings.host,
    PGPORT: String(settings.port),
    PGUSER: settings.user,
    PGDATABASE: settings.database,
    PGSSLMODE: settings.sslmode,
    PGAPPNAME: "holdfast",
    PGCONNECT_TIMEOUT: String(settings.connectTimeoutSeconds),
    ...(settings.password === undefined ? {} : { PGPASSWORD: settings.password.reveal() }),
    ...(settings.sslrootcert === undefined ? {} : { PGSSLROOTCERT: settings.sslrootcert }),
    ...(settings.sslcert === undefined ? {} : { PGSSLCERT: settings.sslcert }),
    ...(settings.sslkey === undefined ? {} : { PGSSLKEY: settings.sslkey }),
  };
}

/** For messages: the place without user or password. */
export function describePlace(settings: ConnectionSettings): string {
  return `database "${settings.database}" on ${settings.host}:${settings.port}`;
}

/** Every secret in the settings, to be taken out of foreign texts with `redact`. */
export function secretsOf(settings: ConnectionSettings): readonly Secret[] {
  return [...(settings.password === undefined ? [] : [settings.password]), ...(settings.tokens?.issued ?? [])];
}
