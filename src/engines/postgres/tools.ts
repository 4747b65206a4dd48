/**
 * PostgreSQL's own programs: where they are, which versions they have, and which of them fits a
 * server.
 */
import { access, constants, realpath } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import { runTool } from "../../runtime/child-process.ts";
import type { RunContext } from "../../runtime/run-context.ts";

/** The client programs of one installation; absolute paths. */
export interface ClientTools {
  readonly major: number;
  /** As the tool prints it: `17.11`, `18beta1`. */
  readonly version: string;
  readonly directory: string;
  readonly pgDump: string;
  readonly pgDumpall: string;
  readonly pgRestore: string;
  readonly psql: string;
}

/** What a throwaway server needs. */
export interface ServerTools {
  readonly major: number;
  readonly version: string;
  readonly directory: string;
  readonly postgres: string;
  readonly initdb: string;
  readonly pgCtl: string;
}

/** The part of the run's context that finding tools needs. */
export type ToolContext = Pick<RunContext, "environment" | "toolPath" | "signal">;

/** The majors this release was tested with (docs/postgres.md). */
export const supportedMajors = { oldest: 14, newest: 18 } as const;
/**
 * The first pg_dump that compresses with zstd; older ones take the option without a word and do not
 * compress (facts: pg_dump 14).
 */
const firstZstdMajor = 16;
/**
 * Majors whose installation directories are looked for: a little beyond the newest supported one.
 */
const searchedMajors = Array.from({ length: 12 }, (_, index) => supportedMajors.oldest + index);

const clientPrograms = ["pg_dump", "pg_dumpall", "pg_restore", "psql"] as const;
const serverPrograms = ["postgres", "initdb", "pg_ctl"] as const;

/**
 * Every installed place, per directory and program: a version does not change while a process runs.
 */
const versions = new Map<string, Promise<string | undefined>>();
const zstdProofs = new Map<string, Promise<boolean>>();

function searchDirectories(context: ToolContext): string[] {
  const path = (context.environment["PATH"] ?? "").split(":").filter((directory) => directory !== "");
  const installed = searchedMajors.flatMap((major) => [
    `/usr/lib/postgresql/${major}/bin`,
    `/usr/pgsql-${major}/bin`,
    // The layer of a stack's functions, and its image (scripts/layer).
    `/opt/pgsql-${major}/bin`,
    `/usr/libexec/postgresql${major}`,
    `/opt/homebrew/opt/postgresql@${major}/bin`,
    `/usr/local/opt/postgresql@${major}/bin`,
    `/Applications/Postgres.app/Contents/Versions/${major}/bin`,
  ]);
  return [...new Set([...context.toolPath, ...path, ...installed])];
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    // Debian's wrapper runs whatever version its configuration prefers: the real programs are found
    // beside it.
    return !(await realpath(path)).endsWith("/pg_wrapper");
  } catch {
    return false;
  }
}

/**
 * The version that `program` in `directory` prints; undefined when it, or one of its siblings, is
 * not there.
 */
function versionIn(directory: string, programs: readonly string[], context: ToolContext): Promise<string | undefined> {
  const key = join(directory, programs[0] as string);
  const known = versions.get(key);
  if (known !== undefined) return known;
  const reading = readVersion(directory, programs, context);
  versions.set(key, reading);
  reading.then(
    (version) => version === undefined && versions.delete(key),
    () => versions.delete(key),
  );
  return reading;
}

async function readVersion(directory: string, programs: readonly string[], context: ToolContext): Promise<string | undefined> {
  for (const program of programs) {
    if (!(await isProgram(join(directory, program)))) return undefined;
  }
  try {
    const answer = await runTool(join(directory, programs[0] as string), ["--version"], { env: {}, signal: context.signal });
    return answer.exitCode === 0 ? /\(PostgreSQL\) (\d+\S*)/.exec(answer.stdout)?.[1] : undefined;
  } catch (error) {
    // For another machine, or broken: as good as not there.
    if (isHoldfastError(error, "ToolMissing")) return undefined;
    throw error;
  }
}

interface Installation {
  readonly directory: string;
  readonly version: string;
  readonly major: number;
}

/** Installations that have all of the programs, in the order of search. */
async function findInstallations(programs: readonly string[], context: ToolContext): Promise<Installation[]> {
  const found = await Promise.all(
    searchDirectories(context).map(async (directory) => ({ directory, version: await versionIn(directory, programs, context) })),
  );
  return found.flatMap(({ directory, version }) =>
    version === undefined ? [] : [{ directory, version, major: Number.parseInt(version, 10) }],
  );
}

/**
 * The client programs for a server: never older than the server, of its own major where installed,
 * else the nearest newer.
 * Errors: ToolMissing, naming the packages.
 */
export async function findClientTools(serverMajor: number, context: ToolContext): Promise<ClientTools> {
  const installations = await findInstallations(clientPrograms, context);
  const [best] = installations.filter(({ major }) => major >= serverMajor).sort((a, b) => a.major - b.major);
  if (best === undefined) {
    const majors = [...new Set(installations.map(({ major }) => major))].sort((a, b) => a - b);
    const have = majors.length === 0 ? "none is installed" : `installed: ${majors.join(", ")}`;
    throw new HoldfastError("ToolMissing", `no pg_dump of PostgreSQL ${serverMajor} or later was found (${have})`, {
      hint: installHint(`postgresql-client-${serverMajor}`, `postgresql${serverMajor}`),
    });
  }
  const at = (program: string): string => join(best.directory, program);
  return { ...best, pgDump: at("pg_dump"), pgDumpall: at("pg_dumpall"), pgRestore: at("pg_restore"), psql: at("psql") };
}

/** The server programs of exactly this major. Errors: ToolMissing, naming the packages. */
export async function findServerTools(major: number, context: ToolContext): Promise<ServerTools> {
  const installations = await findInstallations(serverPrograms, context);
  const best = installations.find((installation) => installation.major === major);
  if (best === undefined) {
    const majors = [...new Set(installations.map((installation) => installation.major))].sort((a, b) => a - b);
    const have = majors.length === 0 ? "none is installed" : `installed: ${majors.join(", ")}`;
    throw new HoldfastError("ToolMissing", `no server programs of PostgreSQL ${major} were found (${have})`, {
      hint: installHint(`postgresql-${major}`, `postgresql${major}-server postgresql${major}-contrib`),
    });
  }
  const at = (program: string): string => join(best.directory, program);
  return { ...best, postgres: at("postgres"), initdb: at("initdb"), pgCtl: at("pg_ctl") };
}

function installHint(debian: string, redHat: string): string {
  return `Install it with \`apt-get install ${debian}\` (from apt.postgresql.org) or \`dnf install ${redHat}\`, or name its directory in HOLDFAST_PG_PATH.`;
}

/**
 * Whether this pg_dump compresses with zstd itself. Its exit code does not tell before 16, so the
 * major decides; from 16 on a build may lack zstd, and says so before it connects anywhere.
 */
export function supportsZstd(tools: ClientTools, context: ToolContext): Promise<boolean> {
  if (tools.major < firstZstdMajor) return Promise.resolve(false);
  const known = zstdProofs.get(tools.pgDump);
  if (known !== undefined) return known;
  const proof = proveZstd(tools, context);
  zstdProofs.set(tools.pgDump, proof);
  proof.catch(() => zstdProofs.delete(tools.pgDump));
  return proof;
}

async function proveZstd(tools: ClientTools, context: ToolContext): Promise<boolean> {
  // A socket directory that cannot exist: a build with zstd gets as far as failing to connect.
  const args = ["--format=custom", "--compress=zstd:3", "--no-password", "--host=/dev/null/none"];
  const answer = await runTool(tools.pgDump, args, { env: {}, signal: context.signal });
  return /connection/.test(answer.stderr) && !/compress/i.test(answer.stderr);
}
