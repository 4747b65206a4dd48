/** Connections of the `pg` driver: libpq's TLS rules, settings that make results repeatable, errors from the catalogue. */
import { Socket } from "node:net";
import type { Client, ClientConfig, QueryResult } from "pg";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { abortError } from "../../runtime/process-group.ts";
import { redact } from "../../runtime/secret.ts";
import { type ConnectionSettings, describePlace, secretsOf } from "./connection.ts";
import { type TlsAttempt, tlsAttempts } from "./tls.ts";

/** A connection that turns the driver's errors into the catalogue's. */
export interface Connection {
  readonly client: Client;
  /** The number of the server's process. */
  readonly pid: number;
  /** The rows of a query. Errors: as `queryError`. */
  rows<R extends Record<string, unknown>>(sql: string, values?: readonly unknown[]): Promise<R[]>;
  /** Runs statements without parameters, of which there may be several. */
  run(sql: string): Promise<void>;
  /** Resolves with the reason when the server or the network ends the connection, never when `close` does. */
  readonly lost: Promise<Error>;
  /** Never throws; idempotent. */
  close(): Promise<void>;
}

/** Idle NAT tables and load balancers forget a connection after some 350 seconds (AWS); one minute stays well below. */
const keepAliveDelayMs = 60_000;

/** Values are text that depends on these; pinned, so that hashes and counts mean the same on every server and client. */
export const pinnedSettings = [
  "SET TimeZone = 'UTC'",
  "SET DateStyle = 'ISO, YMD'",
  "SET IntervalStyle = 'postgres'",
  "SET bytea_output = 'hex'",
  "SET extra_float_digits = 1",
  "SET lc_monetary = 'C'",
  "SET xmloption = 'content'",
  "SET search_path = ''",
  "SET row_security = off",
  "SET statement_timeout = 0",
  "SET lock_timeout = 0",
  "SET idle_in_transaction_session_timeout = 0",
  "SET idle_session_timeout = 0",
  "SET client_min_messages = error",
  "SET application_name = 'holdfast'",
];

/**
 * Connects, trying what sslmode allows. Errors: SourceUnreachable, SourceAccessDenied, SecretUnavailable; Interrupted.
 */
export async function connect(settings: ConnectionSettings, signal: AbortSignal): Promise<Connection> {
  const { default: pg } = await import("pg");
  const errors: Error[] = [];
  for (const attempt of await tlsAttempts(settings)) {
    if (signal.aborted) throw abortError(signal);
    const socket = new Socket();
    const client = new pg.Client({ ...driverOptions(settings, attempt), stream: () => socket });
    const connection = wrap(client, settings, signal);
    try {
      await openConnection(client, socket, signal);
      await pinSettings(client);
      return connection;
    } catch (error) {
      errors.push(error as Error);
      await connection.close();
    }
  }
  if (signal.aborted) throw abortError(signal);
  // What the server said (wrong password, no such database) tells more than that the other way of encrypting failed too.
  throw connectionError(errors.find((error) => sqlState(error) !== undefined) ?? (errors.at(-1) as Error), settings);
}

/**
 * Connects, or rejects when the signal is aborted meanwhile. The driver's own promise never settles once `end` was called before the server had
 * answered (Client's "end" listener calls nobody back while it is ending), so that an abort at that moment would be waited for without end.
 */
async function openConnection(client: Client, socket: Socket, signal: AbortSignal): Promise<void> {
  let giveUp = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    giveUp = () => {
      // A server that says nothing must not keep the farewell, which would be sent after its answer, waiting.
      socket.destroy();
      reject(abortError(signal));
    };
    signal.addEventListener("abort", giveUp, { once: true });
  });
  try {
    await Promise.race([client.connect(), aborted]);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

/** The driver's options for one attempt. Every option is given, so that none comes from this process's own PG* variables. */
export function driverOptions(settings: ConnectionSettings, ssl: TlsAttempt): ClientConfig & { enableChannelBinding: boolean } {
  return {
    host: settings.variables["PGHOSTADDR"] ?? settings.host,
    port: settings.port,
    user: settings.user,
    database: settings.database,
    password: settings.password?.reveal() ?? "",
    ssl,
    ...(settings.variables["PGOPTIONS"] === undefined ? {} : { options: settings.variables["PGOPTIONS"] }),
    enableChannelBinding: settings.variables["PGCHANNELBINDING"] !== "disable",
    application_name: "holdfast",
    connectionTimeoutMillis: settings.connectTimeoutSeconds * 1000,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveDelayMs,
  };
}

async function pinSettings(client: Client): Promise<void> {
  const version = await client.query<{ number: string }>("SELECT current_setting('server_version_num') AS number");
  const number = Number(version.rows[0]?.number);
  // transaction_timeout came with 17.
  await client.query([...pinnedSettings, ...(number >= 170000 ? ["SET transaction_timeout = 0"] : [])].join("; "));
}

function wrap(client: Client, settings: ConnectionSettings, signal: AbortSignal): Connection {
  let closed: Promise<void> | undefined;
  let reportLoss: (error: Error) => void;
  const lost = new Promise<Error>((resolve) => {
    reportLoss = resolve;
  });
  // Without a listener a lost connection would bring the process down.
  client.on("error", (error) => {
    if (closed === undefined) reportLoss(error);
  });
  client.on("end", () => {
    if (closed === undefined) reportLoss(new Error("the connection was closed by the server"));
  });
  const close = (): Promise<void> => {
    signal.removeEventListener("abort", abort);
    closed ??= client.end().catch(() => {});
    return closed;
  };
  const abort = (): void => void close();
  signal.addEventListener("abort", abort, { once: true });
  const query = async (sql: string, values?: readonly unknown[]): Promise<QueryResult> => {
    try {
      return await (values === undefined ? client.query(sql) : client.query(sql, [...values]));
    } catch (error) {
      if (signal.aborted) throw abortError(signal);
      throw queryError(error as Error, settings);
    }
  };
  return {
    client,
    get pid() {
      return (client as unknown as { processID: number | null }).processID ?? 0;
    },
    lost,
    close,
    rows: async <R>(sql: string, values?: readonly unknown[]) => (await query(sql, values)).rows as R[],
    run: async (sql) => void (await query(sql)),
  };
}

/** The server's five-letter code, when the server said anything. */
export function sqlState(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** The server's code of an error from `queryError`, when the server said anything. */
export function sqlStateOf(error: unknown): string | undefined {
  return error instanceof HoldfastError ? sqlState(error.cause) : undefined;
}

/** A failed connection as an error from the catalogue: SourceAccessDenied for a login refused, else SourceUnreachable. */
export function connectionError(error: Error, settings: ConnectionSettings): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const place = describePlace(settings);
  const words = redact(error.message || (error as NodeJS.ErrnoException).code || error.name, secretsOf(settings));
  const options = { cause: error, details: [words] };
  const state = sqlState(error);
  if (state?.startsWith("28")) {
    return new HoldfastError("SourceAccessDenied", `${place} refused the login of user "${settings.user}": ${words}`, {
      ...options,
      hint: "Correct the user and password in the connection, and check that pg_hba.conf lets them in from this machine.",
    });
  }
  if (state === "42501") return new HoldfastError("SourceAccessDenied", `${place} refused: ${words}`, options);
  const hint = unreachableHint(error, state);
  return new HoldfastError("SourceUnreachable", `cannot connect to ${place}: ${words}`, {
    ...options,
    ...(hint === undefined ? {} : { hint }),
  });
}

function unreachableHint(error: Error, state: string | undefined): string | undefined {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (state === "3D000") return "Correct the database's name in the connection.";
  if (state === "53300") return "Raise max_connections or the role's connection limit; a backup needs up to five connections.";
  if (/CERT|SSL|TLS|SELF_SIGNED|UNABLE_TO/.test(code) || /certificate|SSL/.test(error.message)) {
    return "Check sslmode and sslrootcert in the connection against the server's certificate.";
  }
  return undefined;
}

/** A failed query as an error from the catalogue: SourceAccessDenied for a missing privilege, else SourceUnreachable. */
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
