/** What `holdfast check` looks at for a PostgreSQL source: everything that would make a backup or its restore test fail. */
import { isHoldfastError, toHoldfastError } from "../../errors/holdfast-error.ts";
import type { PostgresSource } from "../../policy/policy.ts";
import { findSandbox, type SandboxWish } from "../../runtime/find-sandbox.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import type { Finding } from "../engine.ts";
import { checkPrivileges } from "./check-privileges.ts";
import { type ConnectionSettings, describePlace, resolveConnection } from "./connection.ts";
import { type Connection, connect } from "./driver.ts";
import { resolveExclusions } from "./exclusions.ts";
import { findClientTools, findServerTools, supportedMajors, supportsZstd } from "./tools.ts";

/**
 * Connects and looks; finds, and never throws for what a user can mend. A source that cannot be reached gives one error
 * and nothing that depends on it. Errors: Interrupted.
 */
export async function checkPostgres(source: PostgresSource, context: RunContext): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  let connection: Connection | undefined;
  try {
    const { settings, notices } = await resolveConnection(source.connection, context);
    for (const { message, subject } of notices) {
      findings.push({
        level: "warning",
        subject: "connection",
        message,
        remedy: `Make it readable by its owner only: chmod 600 ${subject}`,
      });
    }
    findings.push(...checkPooler(settings));
    connection = await connect(settings, context.signal);
    const major = await readMajor(connection);
    findings.push({ level: "ok", subject: "connection", message: `${describePlace(settings)} runs PostgreSQL ${major}` });
    findings.push(
      ...checkVersion(major),
      ...(await checkTools(major, context)),
      ...(await checkThrowaway(major, source.restoreTest.sandbox ?? "preferred", context)),
    );
    findings.push(...(await checkPrivileges(connection, source, settings)), ...(await checkExclusions(connection, source)));
  } catch (error) {
    if (context.signal.aborted || !isHoldfastError(error)) throw toHoldfastError(error);
    const subject = isHoldfastError(error, "SecretUnavailable", "SourceUnreachable") ? "connection" : "privileges";
    findings.push({ level: "error", subject, message: error.message, remedy: error.hint });
  } finally {
    await connection?.close();
  }
  return findings;
}

async function readMajor(connection: Connection): Promise<number> {
  const [row] = await connection.rows<{ major: number }>("SELECT current_setting('server_version_num')::int / 10000 AS major");
  return row?.major ?? 0;
}

/** By name and port only: a pooler does not say that it is one. 6432 is PgBouncer's own port; `-pooler` is Neon's, `pooler.` Supabase's. */
function checkPooler({ host, port }: ConnectionSettings): Finding[] {
  if (port !== 6432 && !/-pooler\.|(^|\.)pooler\.|pgbouncer/i.test(host)) return [];
  return [
    {
      level: "warning",
      subject: "connection",
      message: `${host}:${port} looks like a connection pooler, which may hand pg_dump another session in the middle of its snapshot`,
      remedy: "Connect to the database server itself.",
    },
  ];
}

function checkVersion(major: number): Finding[] {
  const { oldest, newest } = supportedMajors;
  if (major < oldest) {
    const message = `PostgreSQL ${major} is not supported`;
    return [{ level: "error", subject: "version", message, remedy: `Upgrade the server to PostgreSQL ${oldest} or later.` }];
  }
  if (major <= newest) return [];
  const message = `PostgreSQL ${major} is newer than the newest that this release was tested with (${newest})`;
  return [{ level: "warning", subject: "version", message, remedy: "Run a restore test before you rely on its backups." }];
}

async function checkTools(major: number, context: RunContext): Promise<Finding[]> {
  try {
    const tools = await findClientTools(major, context);
    const zstd = await supportsZstd(tools, context);
    const compression = zstd ? "compresses with zstd itself" : "leaves compression to Holdfast";
    const message = `pg_dump ${tools.version} in ${tools.directory}, which ${compression}`;
    if (zstd || tools.major < 16) return [{ level: "ok", subject: "tools", message }];
    const remedy = "Install a build of the client programs with zstd (those of apt.postgresql.org have it) for faster backups.";
    return [{ level: "warning", subject: "tools", message, remedy }];
  } catch (error) {
    return [missingTool(error, "tools", "error")];
  }
}

async function checkThrowaway(major: number, wish: SandboxWish, context: RunContext): Promise<Finding[]> {
  try {
    const tools = await findServerTools(major, context);
    const message = `throwaway servers run PostgreSQL ${tools.version} from ${tools.directory}`;
    return [{ level: "ok", subject: "restore test", message }, checkSandbox(tools.postgres, wish, context)];
  } catch (error) {
    return [missingTool(error, "restore test", "warning")];
  }
}

/** What holds the code that comes with a backup. Without a sandbox it may do what Holdfast's own account may. */
function checkSandbox(postgres: string, wish: SandboxWish, { environment }: RunContext): Finding {
  const { kind, refusals, asRoot } = findSandbox({ program: postgres, environment }, wish);
  if (kind !== "none") return { level: "ok", subject: "sandbox", message: `restore tests run in a sandbox (${kind})` };
  const account = asRoot ? "as a user of its own, with the network" : "as this user, who can read the keys";
  const why = wish === "none" ? "the policy says sandbox: none" : refusals.join("; ");
  return {
    level: wish === "required" ? "error" : "warning",
    subject: "sandbox",
    message: `no sandbox for restore tests: functions and constraints of the source's owners run here ${account} (${why})`,
    remedy:
      wish === "none"
        ? "Remove restoreTest.sandbox from the policy, unless everyone who can create a table in the source is trusted with this machine."
        : "Install bubblewrap (apt install bubblewrap, dnf install bubblewrap), or allow user namespaces; see docs/sandbox.md.",
  };
}

function missingTool(error: unknown, subject: string, level: Finding["level"]): Finding {
  if (!isHoldfastError(error, "ToolMissing")) throw toHoldfastError(error);
  return { level, subject, message: error.message, remedy: error.hint };
}

async function checkExclusions(connection: Connection, source: PostgresSource): Promise<Finding[]> {
  try {
    const { notices } = await resolveExclusions(source.exclude, connection);
    return notices.map(({ code, message }) => ({
      level: "warning",
      subject: "exclusions",
      message,
      remedy:
        code === "exclusion-matches-nothing"
          ? "Correct the pattern in the policy, or remove it."
          : "Move the pattern from exclude.tables to exclude.data in the policy.",
    }));
  } catch (error) {
    if (!isHoldfastError(error, "PolicyInvalid")) throw error;
    return [{ level: "error", subject: "exclusions", message: error.message, remedy: error.hint }];
  }
}
