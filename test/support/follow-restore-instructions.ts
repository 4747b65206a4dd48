/**
 * Does what RESTORE.md says, with the tools that it names: takes the commands out of the text and
 * runs them as they stand.
 */
import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { provideRestoreTools } from "../../scripts/restore-tools.ts";

export interface FollowRequest {
  /** The text of a vault's RESTORE.md. */
  readonly instructions: string;
  readonly vaultDir: string;
  readonly source: string;
  /** Absent: the one that the instructions themselves find to be the newest. */
  readonly backupId?: string;
  /** Absent: the key is in KMS, and `environment` says how to reach it. */
  readonly keyFile?: string;
  /** An empty directory; afterwards it holds the opened artifacts. */
  readonly workDir: string;
  /** Where psql and pg_restore are. */
  readonly pgBin?: string;
  /**
   * Of the empty target database; given when the backup is PostgreSQL's. The commands find it in
   * their environment.
   */
  readonly databaseUrl?: string;
  /** Uses the text's alternative to the zstd program. */
  readonly withoutZstdProgram?: boolean;
  /** Further variables for the commands: AWS credentials, PGPASSWORD. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Followed {
  /** The commands that were run, as one script. */
  readonly script: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | null;
}

/**
 * Follows the instructions; afterwards `workDir` holds the opened artifacts, and `restored/` for
 * files. Nothing is changed in the text but the values of its settings; of its alternatives (key
 * file or KMS, database or files, zstd program or not) the fitting one is taken.
 * Errors: a plain Error with the commands' own words, when one of them fails.
 */
export async function followRestoreInstructions(request: FollowRequest): Promise<Followed> {
  const followed = await tryRestoreInstructions(request);
  if (followed.exitCode === 0) return followed;
  throw new Error(
    `the instructions failed with status ${followed.exitCode}:\n${followed.stdout}\n${followed.stderr}\nThey were:\n${followed.script}`,
  );
}

/** The same, for instructions that are meant to stop: says how far they came. */
export async function tryRestoreInstructions(request: FollowRequest): Promise<Followed> {
  const tools = provideRestoreTools();
  await mkdir(request.workDir, { recursive: true });
  const steps = readSteps(request.instructions);
  for (const { name, code } of steps.flatMap((step) => step.files)) await writeFile(join(request.workDir, name), code);
  const script = ["set -euo pipefail", ...chooseBlocks(steps, request, tools)].join("\n\n");
  const scriptFile = join(request.workDir, "commands.sh");
  await writeFile(scriptFile, script);
  const run = await runBash(scriptFile, request);
  return { script, ...run };
}

interface Step {
  readonly title: string;
  readonly blocks: readonly string[];
  readonly files: readonly { readonly name: string; readonly code: string }[];
}

/** The numbered steps with their shell blocks, and the files that the text says to save. */
export function readSteps(instructions: string): readonly Step[] {
  return instructions
    .split(/^## (?=\d+\. )/m)
    .slice(1)
    .map((text) => ({
      title: text.slice(0, text.indexOf("\n")),
      blocks: [...text.matchAll(/^```sh\n([\s\S]*?)\n```$/gm)].map((match) => match[1] ?? ""),
      files: [...text.matchAll(/Save this as `([^`]+)`:\n\n```python\n([\s\S]*?)```/g)].map((match) => ({
        name: match[1] ?? "",
        code: match[2] ?? "",
      })),
    }));
}

function chooseBlocks(steps: readonly Step[], request: FollowRequest, tools: string): readonly string[] {
  const of = (words: string): readonly string[] => {
    const step = steps.find((candidate) => candidate.title.includes(words));
    if (step === undefined || step.blocks.length === 0) throw new Error(`the instructions have no step "${words}" with commands`);
    return step.blocks;
  };
  const block = (words: string, index: number): string => {
    const found = of(words)[index];
    if (found === undefined) throw new Error(`step "${words}" has no block ${index}`);
    return found;
  };
  return [
    fillSettings(block("Settings", 0), request),
    // The reader's own choice, where it is not the newest, is a value too.
    ...of("Choose a backup"),
    ...(request.backupId === undefined ? [] : [`BACKUP=${quote(request.backupId)}`]),
    ...of("Read its manifest"),
    ...of("Check what is stored"),
    ...withProvidedTools(of(request.keyFile === undefined ? "with AWS KMS" : "with a key file"), tools),
    ...of("Check who made the manifest"),
    ...withProvidedTools([block("Decompress", request.withoutZstdProgram === true ? 1 : 0)], tools),
    ...(request.databaseUrl === undefined ? [] : of("PostgreSQL")),
    ...(request.databaseUrl === undefined ? of("files") : []),
    block("erased since", 0),
    block("erased since", request.keyFile === undefined ? 2 : 1),
  ];
}

/** Puts this restore's values in the place of the example's; every other character stays. */
function fillSettings(block: string, request: FollowRequest): string {
  const values: Record<string, string> = { VAULT: request.vaultDir, SOURCE: request.source, KEYFILE: request.keyFile ?? "" };
  return block.replace(/^([A-Z]+)=\S+/gm, (whole, name: string) => {
    const value = values[name];
    return value === undefined ? whole : `${name}=${quote(value)}`;
  });
}

/**
 * Packages are installed once for all tests: the commands that would do so again are left out, and
 * `tools` is the environment they made.
 */
function withProvidedTools(blocks: readonly string[], tools: string): readonly string[] {
  const kept = blocks.map((block) =>
    block
      .split("\n")
      .filter((line) => !/^(python3 -m venv|tools\/bin\/pip install) /.test(line))
      .join("\n"),
  );
  return [`ln -sfn ${quote(tools)} tools`, ...kept.filter((block) => block !== "")];
}

function quote(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}

async function runBash(scriptFile: string, request: FollowRequest): Promise<Omit<Followed, "script">> {
  const path = [request.pgBin, process.env.PATH].filter((part) => part !== undefined).join(":");
  const child = spawn("bash", [scriptFile], {
    cwd: request.workDir,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: path,
      HOME: request.workDir,
      LANG: "C.UTF-8",
      ...request.environment,
      ...(request.databaseUrl === undefined ? {} : { DATABASE_URL: request.databaseUrl }),
    },
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const exitCode = await new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  return { stdout, stderr, exitCode };
}
