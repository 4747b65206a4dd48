/** The driver's errors as those of the catalogue. */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import { redact } from "../../../runtime/secret.ts";
import { type ConnectionSettings, describePlace, secretsOf } from "./connection.ts";

/** What to do where the server has no connection left. */
export const moreConnections = "Raise max_connections or the role's connection limit; a backup needs up to five connections.";

/** The server's five-letter code, when the server said anything. */
export function sqlState(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]+$/.test(code) ? code : undefined;
}

/** The server's code of an error from `queryError`, when the server said anything. */
export function sqlStateOf(error: unknown): string | undefined {
  return error instanceof HoldfastError ? sqlState(error.cause) : undefined;
}

/**
 * Logins that fail again until somebody changes the connection or the server: states, and the hint
 * for each. Trying again helps in other states only (network, start-up, too many connections).
 */
const refusedLogins: readonly { readonly state: RegExp; readonly what: string; readonly hint: string }[] = [
  {
    state: /^28/,
    what: "refused the login",
    hint: "Correct the user and password in the connection, and check that pg_hba.conf lets them in from this machine.",
  },
  { state: /^3D000$/, what: "is not there", hint: "Correct the database's name in the connection." },
  {
    state: /^(?:42501|55000)$/,
    what: "refused",
    hint: "Give the connecting role what docs/postgres.md lists, then run `holdfast check`.",
  },
  {
    state: /^(?:22023|42704|42601|0A000)$/,
    what: "refused the connection's settings",
    hint: "Correct the options in the connection. A pooler refuses settings that a server takes: connect to the database server itself.",
  },
];

/**
 * A failed connection as an error from the catalogue: SourceAccessDenied for what stays refused
 * until somebody changes it (login, password, database, settings, certificates), else
 * SourceUnreachable.
 */
export function connectionError(error: Error, settings: ConnectionSettings): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const place = describePlace(settings);
  const words = redact(error.message || (error as NodeJS.ErrnoException).code || error.name, secretsOf(settings));
  const options = { cause: error, details: [words] };
  if (settings.password === undefined && /password must be/.test(error.message)) return noPassword(settings, error);
  const state = sqlState(error);
  const refused = state === undefined ? undefined : refusedLogins.find((login) => login.state.test(state));
  if (refused !== undefined) {
    if (settings.password === undefined && state === "28P01") return noPassword(settings, error);
    const who = refused.what.includes("login") ? ` of user "${settings.user}"` : "";
    return new HoldfastError("SourceAccessDenied", `${place} ${refused.what}${who}: ${words}`, { ...options, hint: refused.hint });
  }
  if (/unsupported startup parameter/.test(error.message)) {
    const hint = "Poolers refuse settings that a server takes: connect to the database server itself.";
    return new HoldfastError("SourceUnsupported", `${place} is answered by a connection pooler: ${words}`, { ...options, hint });
  }
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (/CERT|SSL|TLS|SELF_SIGNED|UNABLE_TO/.test(code) || /certificate|SSL/.test(error.message)) {
    const hint = "Check sslmode and sslrootcert in the connection against the server's certificate.";
    return new HoldfastError("SourceAccessDenied", `no connection to ${place} that sslmode ${settings.sslmode} allows: ${words}`, {
      ...options,
      hint,
    });
  }
  const hint = state === "53300" ? moreConnections : undefined;
  return new HoldfastError("SourceUnreachable", `cannot connect to ${place}: ${words}`, {
    ...options,
    hint,
  });
}

function noPassword(settings: ConnectionSettings, cause: Error): HoldfastError {
  const message = `${describePlace(settings)} asks user "${settings.user}" for a password, and the connection has none`;
  return new HoldfastError("SourceAccessDenied", message, {
    cause,
    hint: "Add the password to the connection, or to ~/.pgpass with mode 600.",
  });
}

/**
 * A failed query as an error from the catalogue: SourceAccessDenied for a missing privilege, else
 * SourceUnreachable.
 */
export function queryError(error: Error, settings: ConnectionSettings): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const place = describePlace(settings);
  const words = redact(error.message, secretsOf(settings));
  const state = sqlState(error);
  if (state === "42501") {
    const rowSecurity = words.includes("row-level security");
    return new HoldfastError("SourceAccessDenied", `${place} refused: ${words}`, {
      cause: error,
      details: [words],
      hint: rowSecurity
        ? `Let the role see every row: ALTER ROLE "${settings.user}" BYPASSRLS;`
        : `Let the role read everything: GRANT pg_read_all_data TO "${settings.user}";`,
    });
  }
  return new HoldfastError("SourceUnreachable", `a query of ${place} failed: ${words}`, { cause: error, details: [words] });
}
