/**
 * Connections of the `pg` driver: libpq's TLS rules, settings that make results repeatable, errors
 * from the catalogue.
 */
import { Socket } from "node:net";
import type { Client, ClientConfig, QueryResult } from "pg";
import { abortError } from "../../../runtime/process-group.ts";
import { restrictLogin } from "./allowed-logins.ts";
import { type ConnectionSettings, withLogin } from "./connection.ts";
import { connectionError, queryError, sqlState } from "./driver-errors.ts";
import { assertSessionAttributes, identifyServer, keepsSession, poolerError, type ServerIdentity } from "./server-identity.ts";
import { type TlsAttempt, tlsAttempts } from "./tls.ts";
import { type AnswerLimits, guardWire, listLimits, patientLimits, rowLimits, type WireGuard } from "./wire-guard.ts";

/** A connection that turns the driver's errors into the catalogue's. */
export interface Connection {
  readonly client: Client;
  /** The number of the server's process. */
  readonly pid: number;
  /**
   * Something that keeps sessions apart (a pooler in session mode, a provider's proxy) stands
   * between here and the server.
   */
  readonly proxied: boolean;
  /**
   * The rows of a query, at most so many as `limits` allow (default: enough for any list of the
   * catalogue). Errors: as `queryError`.
   */
  rows<R extends Record<string, unknown>>(sql: string, values?: readonly unknown[], limits?: AnswerLimits): Promise<R[]>;
  /** The row of a query that has one or none. Errors: as `queryError`, also for more than one. */
  row<R extends Record<string, unknown>>(sql: string, values?: readonly unknown[]): Promise<R | undefined>;
  /** Runs statements without parameters, of which there may be several. */
  run(sql: string): Promise<void>;
  /**
   * Resolves with the reason when the server or the network ends the connection, never when `close`
   * does.
   */
  readonly lost: Promise<Error>;
  /** Never throws; idempotent. */
  close(): Promise<void>;
}

/**
 * Idle NAT tables and load balancers forget a connection after some 350 seconds (AWS); one minute
 * stays well below.
 */
const keepAliveDelayMs = 60_000;
/**
 * A session that is handed on by a proxy is left as it was; a proxy that does not answer is not
 * waited for.
 */
const farewellMs = 2_000;

/**
 * Values are text that depends on these; pinned, so that hashes and counts mean the same on every
 * server and client.
 */
const pinnedSettings = [
  "SET search_path = ''",
  "SET TimeZone = 'UTC'",
  "SET DateStyle = 'ISO, YMD'",
  "SET IntervalStyle = 'postgres'",
  "SET bytea_output = 'hex'",
  "SET extra_float_digits = 1",
  "SET lc_monetary = 'C'",
  "SET xmloption = 'content'",
  "SET row_security = off",
  "SET statement_timeout = 0",
  "SET lock_timeout = 0",
  "SET idle_in_transaction_session_timeout = 0",
  "SET idle_session_timeout = 0",
  "SET client_min_messages = error",
  "SET application_name = 'holdfast'",
];

/**
 * Connects, trying what sslmode allows, and finds out what answers before anything is set in its
 * session.
 * Errors: SourceUnreachable, SourceAccessDenied, SecretUnavailable; SourceUnsupported for a pooler
 * that shares its sessions; Interrupted.
 */
export async function connect(given: ConnectionSettings, signal: AbortSignal): Promise<Connection> {
  const settings = await withLogin(given);
  const errors: Error[] = [];
  for (const attempt of await tlsAttempts(settings)) {
    if (signal.aborted) throw abortError(signal);
    const opened = await openClient(settings, attempt);
    try {
      await logIn(opened, signal);
      const server = await prepare(opened, settings, attempt, signal);
      return wrap(opened, server, settings, signal);
    } catch (error) {
      errors.push(error as Error);
      await endClient(opened.client);
    }
  }
  if (signal.aborted) throw abortError(signal);
  // What the server said (wrong password, no such database) tells more than that the other way of
  // encrypting failed too.
  throw connectionError(errors.find((error) => sqlState(error) !== undefined) ?? (errors.at(-1) as Error), settings);
}

interface OpenedClient {
  readonly client: Client;
  readonly socket: Socket;
  readonly guard: WireGuard;
}

async function openClient(settings: ConnectionSettings, attempt: TlsAttempt): Promise<OpenedClient> {
  const { default: pg } = await import("pg");
  const socket = new Socket();
  const client = new pg.Client({ ...driverOptions(settings, attempt), stream: () => socket });
  // Without a listener a lost connection would bring the process down.
  client.on("error", () => undefined);
  restrictLogin(client, settings);
  // Until it is known what answers, no answer may take longer than the login.
  return { client, socket, guard: guardWire(client, { ...rowLimits, maxSilenceMs: settings.connectTimeoutSeconds * 1000 }) };
}

/**
 * Connects, or rejects when the signal is aborted meanwhile. The driver's own promise never settles
 * once `end` was called before the server had answered (Client's "end" listener calls nobody back
 * while it is ending), so that an abort at that moment would be waited for without end.
 */
async function logIn({ client, socket }: OpenedClient, signal: AbortSignal): Promise<void> {
  let giveUp = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    giveUp = () => {
      // A server that says nothing must not keep the farewell, which would be sent after its
      // answer, waiting.
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

/**
 * The driver's options for one attempt. Every option is given, so that none comes from this
 * process's own PG* variables.
 */
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

async function prepare(
  { client, guard }: OpenedClient,
  settings: ConnectionSettings,
  attempt: TlsAttempt,
  signal: AbortSignal,
): Promise<ServerIdentity> {
  const server = await identifyServer(client);
  if (server.proxied && !(await isSessionOwn(client, settings, attempt, signal))) throw poolerError(settings);
  assertSessionAttributes(server, settings);
  // transaction_timeout came with 17.
  const newer = server.version >= 170000 ? ["SET transaction_timeout = 0"] : [];
  await client.query([...pinnedSettings, ...newer].join("; "));
  if (server.rawBytes) {
    await client.query("SET client_encoding = 'SQL_ASCII'");
    guard.keepRawBytes();
  }
  guard.setUsual(patientLimits);
  return server;
}

/**
 * Whether what stands in between keeps this connection's session its own; a second connection
 * tells.
 */
async function isSessionOwn(
  client: Client,
  settings: ConnectionSettings,
  attempt: TlsAttempt,
  signal: AbortSignal,
): Promise<boolean> {
  const other = await openClient(settings, attempt);
  try {
    await logIn(other, signal);
    return await keepsSession(client, other.client);
  } catch {
    if (signal.aborted) throw abortError(signal);
    // It cannot be told: a session that may be shared is not used.
    return false;
  } finally {
    await endClient(other.client);
  }
}

async function endClient(client: Client): Promise<void> {
  await client.end().catch(() => undefined);
}

function wrap(
  { client, guard, socket }: OpenedClient,
  server: ServerIdentity,
  settings: ConnectionSettings,
  signal: AbortSignal,
): Connection {
  let closed: Promise<void> | undefined;
  let reportLoss: (error: Error) => void;
  const lost = new Promise<Error>((resolve) => {
    reportLoss = resolve;
  });
  client.on("error", (error) => {
    if (closed === undefined) reportLoss(error);
  });
  client.on("end", () => {
    if (closed === undefined) reportLoss(new Error("the connection was closed by the server"));
  });
  const close = (): Promise<void> => {
    signal.removeEventListener("abort", abort);
    closed ??= server.proxied && !signal.aborted ? leaveClean(client, socket) : endClient(client);
    return closed;
  };
  const abort = (): void => void close();
  signal.addEventListener("abort", abort, { once: true });
  const query = async (sql: string, limits: AnswerLimits, values?: readonly unknown[]): Promise<QueryResult> => {
    try {
      guard.expect(limits);
      return await (values === undefined ? client.query(sql) : client.query(sql, [...values]));
    } catch (error) {
      if (signal.aborted) throw abortError(signal);
      throw queryError(error as Error, settings);
    }
  };
  return {
    client,
    pid: server.pid,
    proxied: server.proxied,
    lost,
    close,
    rows: async <R>(sql: string, values?: readonly unknown[], limits = listLimits) =>
      (await query(sql, limits, values)).rows as R[],
    row: async <R>(sql: string, values?: readonly unknown[]) => (await query(sql, rowLimits, values)).rows[0] as R | undefined,
    run: async (sql) => void (await query(sql, patientLimits)),
  };
}

/**
 * Ends a session that a proxy may hand to somebody else, without the settings that were made in it.
 */
async function leaveClean(client: Client, socket: Socket): Promise<void> {
  const timer = setTimeout(() => socket.destroy(), farewellMs);
  try {
    await client.query("ROLLBACK");
    await client.query("DISCARD ALL");
  } catch {
    // It is lost, or never was a server's session.
  } finally {
    clearTimeout(timer);
    await endClient(client);
  }
}
