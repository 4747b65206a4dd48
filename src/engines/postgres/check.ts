/**
 * What `holdfast check` looks at for a PostgreSQL source: everything that would make a backup or
 * its restore test fail.
 */
import { isHoldfastError, toHoldfastError } from "../../errors/holdfast-error.ts";
import type { PostgresSource } from "../../policy/engines/postgres/source.ts";
import { findSandbox, type SandboxWish } from "../../runtime/find-sandbox.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import type { Finding } from "../finding.ts";
import { checkExtensions } from "./check-extensions.ts";
import { checkPrivileges } from "./check-privileges.ts";
import { checkLibpq, checkPoolerName, checkProxy, checkTls } from "./connection/check-connection.ts";
import { type ConnectionSettings, describePlace, resolveConnection } from "./connection/connection.ts";
import { type Connection, connect } from "./connection/driver.ts";
import { describeEffects, findExclusionEffects } from "./dump/exclusion-effects.ts";
import { resolveExclusions } from "./dump/exclusions.ts";
import { findOmissions } from "./dump/find-omissions.ts";
import { findMissingAccount } from "./place/throwaway-account.ts";
import { findClientTools, findServerTools, supportedMajors, supportsZstd } from "./tools.ts";

/**
 * Connects and looks; finds, and never throws for what a user can fix. A source that cannot be
 * reached gives one error and nothing that depends on it. Errors: Interrupted.
 */
export async function checkPostgres(source: PostgresSource, context: RunContext): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  let connection: Connection | undefined;
  try {
    const { settings, notices } = await resolveConnection(source.connection, context);
    for (const { message, subject } of notices) {
      const remedy = `Make it readable by its owner only: chmod 600 ${subject}`;
      findings.push({ level: "warning", subject: "connection", message, remedy });
    }
    findings.push(...checkTls(settings), ...checkPoolerName(settings));
    connection = await connect(settings, context.signal);
    findings.push(...(await checkServer(connection, source, settings, context)));
  } catch (error) {
    if (context.signal.aborted || !isHoldfastError(error)) throw toHoldfastError(error);
    const subject = connection === undefined || isHoldfastError(error, "SourceUnreachable") ? "connection" : "privileges";
    findings.push({ level: "error", subject, message: error.message, remedy: error.hint });
  } finally {
    await connection?.close();
  }
  return findings;
}

async function checkServer(
  connection: Connection,
  source: PostgresSource,
  settings: ConnectionSettings,
  context: RunContext,
): Promise<Finding[]> {
  const major = await readMajor(connection);
  return [
    { level: "ok", subject: "connection", message: `${describePlace(settings)} runs PostgreSQL ${major}` },
    ...checkProxy(connection, settings),
    ...checkVersion(major),
    ...ofMachine(await checkTools(major, settings, context)),
    ...ofMachine(await checkThrowaway(connection, source, major, context)),
    ...(await checkPrivileges(connection, source, settings)),
    ...(await checkExclusions(connection, source)),
    ...(await checkOmissions(connection, source)),
    ...(await checkRole(connection, source)),
  ];
}

const ofMachine = (findings: readonly Finding[]): Finding[] => findings.map((finding) => ({ ...finding, ofMachine: true }));

async function readMajor(connection: Connection): Promise<number> {
  const row = await connection.row<{ major: number }>(
    "SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4 / 10000 AS major",
  );
  return row?.major ?? 0;
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

async function checkTools(major: number, settings: ConnectionSettings, context: RunContext): Promise<Finding[]> {
  try {
    const tools = await findClientTools(major, context);
    const refused = await checkLibpq(tools, settings, context);
    if (refused.length > 0) return refused;
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

async function checkThrowaway(
  connection: Connection,
  source: PostgresSource,
  major: number,
  context: RunContext,
): Promise<Finding[]> {
  const wish = source.restoreTest.sandbox ?? "preferred";
  try {
    const tools = await findServerTools(major, context);
    const message = `throwaway servers run PostgreSQL ${tools.version} from ${tools.directory}`;
    const missing = await findMissingAccount();
    return [
      { level: "ok", subject: "restore test", message },
      ...(await checkExtensions(connection, source, tools)),
      ...(missing === undefined ? [] : [{ level: "warning", subject: "restore test", ...missing } as const]),
      checkSandbox(tools.postgres, wish, context),
    ];
  } catch (error) {
    return [missingTool(error, "restore test", "warning")];
  }
}

/**
 * What holds the code that comes with a backup. Without a sandbox it may do what Holdfast's own
 * account may.
 */
function checkSandbox(postgres: string, wish: SandboxWish, { environment }: RunContext): Finding {
  const { kind, refusals, asRoot } = findSandbox({ program: postgres, environment }, wish);
  if (kind !== "none") return { level: "ok", subject: "sandbox", message: `restore tests run in a sandbox (${kind})` };
  const account = asRoot ? "as a user of its own, with the network" : "as this user, who can read the keys";
  const why = wish === "none" ? "the policy says sandbox: none" : refusals.join("; ") || "HOLDFAST_SANDBOX allows none";
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

/** What the dump will lack, each with what can be done about it. */
async function checkOmissions(connection: Connection, source: PostgresSource): Promise<Finding[]> {
  const exclusions = await resolveExclusions(source.exclude, connection).catch(() => undefined);
  await connection.run("BEGIN READ ONLY");
  try {
    const notices = await findOmissions(connection, exclusions?.excludesRows ?? (() => false));
    return notices.map(({ code, message }) => ({
      level: "warning",
      subject: "content",
      message,
      remedy: omissionRemedies[code] ?? "",
    }));
  } finally {
    await connection.run("ROLLBACK");
  }
}

const omissionRemedies: Readonly<Record<string, string>> = {
  "user-mapping-options-hidden": "Connect as a superuser, or write the mappings' options down elsewhere.",
  "extension-rows-not-dumped": "Save these by the extension's own means, or exclude the table's data in the policy.",
  "settings-of-all-roles": "Write these settings down elsewhere.",
};

/**
 * A superuser's password opens everything; what a dump needs is less. Nothing is wrong with the
 * backups.
 */
function noteSuperuser(role: string): Finding {
  return {
    level: "note",
    subject: "privileges",
    message: `user "${role}" is a superuser; a dump needs only pg_read_all_data`,
    remedy: `Connect as a role of its own: CREATE ROLE holdfast LOGIN PASSWORD '...'; GRANT pg_read_all_data TO holdfast; see "The role" in docs/postgres.md.`,
  };
}

/**
 * What a restore with the same connection would not bring back, and what the connection may do
 * beyond a dump.
 */
async function checkRole(connection: Connection, source: PostgresSource): Promise<Finding[]> {
  const row = await connection.row<{ role: string; super: boolean }>(
    "SELECT r.rolname AS role, r.rolsuper AS super FROM pg_catalog.pg_roles r WHERE r.rolname = current_user",
  );
  const notes = row?.super === true ? [noteSuperuser(row.role)] : [];
  const lacks = [
    ...(row?.super === false
      ? [`as "${row.role}", which is not a superuser, restores no owners and grants: everything would belong to it`]
      : []),
    ...(source.rolePasswords ? [] : ["does not bring roles' passwords back (rolePasswords is false)"]),
  ];
  if (lacks.length === 0) return notes;
  return [...notes, { level: "ok", subject: "restores", message: `a restore from these backups ${lacks.join("; and it ")}` }];
}

const exclusionRemedies: Readonly<Record<string, string>> = {
  "exclusion-matches-nothing": "Correct the pattern in the policy, or remove it.",
  "exclusion-breaks-definition":
    "Nothing, if a restore may do without it; else move the pattern from exclude.tables to exclude.data in the policy.",
  "exclusion-breaks-reference": "Nothing, if a restore may do without it; else exclude the rows that refer to these too, or none.",
  "exclusion-loses-rows": "Move the pattern from exclude.tables to exclude.data in the policy.",
};

async function checkExclusions(connection: Connection, source: PostgresSource): Promise<Finding[]> {
  try {
    const exclusions = await resolveExclusions(source.exclude, connection);
    const effects = describeEffects(await findExclusionEffects(connection, exclusions));
    return [...exclusions.notices, ...effects].map(({ code, message }) => ({
      // A restore test cannot prove a backup whose rows do not come back.
      level: code === "exclusion-loses-rows" ? "error" : "warning",
      subject: "exclusions",
      message,
      remedy: exclusionRemedies[code] ?? exclusionRemedies["exclusion-breaks-definition"] ?? "",
    }));
  } catch (error) {
    if (!isHoldfastError(error, "PolicyInvalid")) throw error;
    return [{ level: "error", subject: "exclusions", message: error.message, remedy: error.hint }];
  }
}
