/**
 * Runs the command line as a user does: a process of its own, in a folder with a policy and a key.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { ensurePostgres } from "../../scripts/postgres-binaries.ts";
import { errorsIn } from "./error-documents.ts";
import { type RunResult, run } from "./processes.ts";

const launcher = join(import.meta.dirname, "..", "..", "bin", "holdfast.mjs");

export interface Ran extends RunResult {
  /** The one document on stdout. */
  // biome-ignore lint/suspicious/noExplicitAny: a test says which fields it expects.
  readonly json: any;
}

export interface Project extends AsyncDisposable {
  readonly directory: string;
  readonly vault: string;
  readonly keyFile: string;
  readonly policyFile: string;
  readonly env: NodeJS.ProcessEnv;
  /** Runs `holdfast <args> --json` there. */
  holdfast(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ran>;
  /** Runs it without --json. */
  say(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<RunResult>;
  writePolicy(text: string): Promise<void>;
}

export interface ProjectOptions {
  /** The `sources:` of the policy, as YAML below that key. */
  readonly sources: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Majors whose programs are found; default: all of the project's. */
  readonly majors?: readonly number[];
  /** The vault's address; default: a folder in the project. */
  readonly vault?: string;
}

const allMajors = [14, 15, 16, 17, 18];

/** A folder with holdfast.yml, a key and a vault, and the environment to run in. */
export async function createProject(options: ProjectOptions): Promise<Project> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-test-"));
  const binDirs = await Promise.all((options.majors ?? allMajors).map(async (major) => (await ensurePostgres(major)).binDir));
  const policyFile = join(directory, "holdfast.yml");
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    HOLDFAST_PG_PATH: binDirs.join(delimiter),
    NO_COLOR: "1",
    XDG_STATE_HOME: join(directory, "state"),
    ...options.env,
  };
  const start = (args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<RunResult> =>
    run(process.execPath, [launcher, "--policy", policyFile, ...args], {
      cwd: directory,
      env: { ...env, ...more },
      timeoutMs: 170_000,
    });
  const writePolicy = (sources: string): Promise<void> =>
    writeFile(
      policyFile,
      `version: 1\nvaults:\n  main: ${options.vault ?? "folder:vault"}\nkeys:\n  main: file:main.key\nsources:\n${sources}\n`,
    );
  const initialised = await run(
    process.execPath,
    [launcher, "--policy", join(directory, "initial.yml"), "init", "--key", join(directory, "main.key")],
    { env },
  );
  if (initialised.code !== 0) throw new Error(`holdfast init failed: ${initialised.stderr}`);
  await writePolicy(options.sources);
  return {
    directory,
    vault: join(directory, "vault"),
    keyFile: join(directory, "main.key"),
    policyFile,
    env,
    writePolicy,
    say: start,
    async holdfast(args, more) {
      const ran = await start([...args, "--json"], more);
      return { ...ran, json: parseDocument(ran) };
    },
    async [Symbol.asyncDispose]() {
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function parseDocument(ran: RunResult): unknown {
  let document: unknown;
  try {
    document = JSON.parse(ran.stdout);
  } catch {
    throw new Error(`not one JSON document on stdout (exit ${ran.code ?? ran.signal}): ${ran.stdout}\n${ran.stderr}`);
  }
  // Whatever a test looks for: every error in a document has the one form.
  errorsIn(document);
  return document;
}

/** A PostgreSQL source of a policy, as YAML. */
export function postgresSource(name: string, variable: string, more = ""): string {
  return `  ${name}:\n    engine: postgres\n    connection: env:${variable}\n    retention: { daily: 7 }\n${more}`;
}
