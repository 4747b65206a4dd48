/** Runs the commands of a proof, looks at what they print, and says what differs. */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Command, ProofStep } from "./proof-step.ts";

export interface ProofRun {
  /** Where the commands run. */
  readonly cwd: string;
  /** The proof's own directory. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  say(line: string): void;
  /** Between two tries. Default: 15 seconds. */
  readonly pauseMs?: number;
}

/** A text is shown as a shell would take it. */
export const shown = (run: readonly string[]): string =>
  run.map((word) => (/^[\w@%+=:,./{}-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");

/** The steps as somebody would type them, and what each must print. */
export function describeSteps(steps: readonly ProofStep[]): string[] {
  return steps.flatMap(({ title, minutes, commands }, index) => [
    "",
    `${index + 1}. ${title} (about ${minutes} min)`,
    ...commands.flatMap((command) => [`   $ ${shown(command.run)}`, ...expectations(command).map((each) => `     ${each}`)]),
  ]);
}

function expectations({ exits = [0], prints = [], forMinutes, goneWhen }: Command): string[] {
  return [
    ...(exits.includes(0) ? [] : [`ends with ${exits.join(" or ")}`]),
    ...prints.map(({ source }) => `prints ${source}`),
    ...(forMinutes === undefined ? [] : [`is tried for ${forMinutes} minutes`]),
    ...(goneWhen === undefined ? [] : ["is content when there is nothing"]),
  ];
}

/**
 * Runs them in order; stops at the first that does not do what it must. `values`: what they save,
 * by its name. Errors: a plain Error with the command and what it said.
 */
export async function runSteps(steps: readonly ProofStep[], run: ProofRun, values: Map<string, string>): Promise<void> {
  mkdirSync(join(run.cwd, run.directory), { recursive: true, mode: 0o700 });
  for (const [index, { title, commands }] of steps.entries()) {
    run.say(`${index + 1}/${steps.length} ${title}`);
    for (const command of commands) await runCommand(command, run, values);
  }
}

async function runCommand(command: Command, run: ProofRun, values: Map<string, string>): Promise<void> {
  const words = command.run.map((word) => fill(word, values));
  if (command.goneWhen !== undefined && words.includes("")) return;
  const { writes, forMinutes = 0, saves = {} } = command;
  if (writes !== undefined) {
    writeFileSync(join(run.cwd, run.directory, writes.file), fill(writes.text, values), { mode: 0o600 });
  }
  run.say(`  $ ${shown(words)}`);
  const until = Date.now() + forMinutes * 60_000;
  for (;;) {
    const ended = await execute(words, run);
    const problem = findProblem(command, ended);
    if (problem === undefined) {
      for (const [name, pattern] of Object.entries(saves)) values.set(name, pattern.exec(ended.said)?.[1] ?? "");
      return;
    }
    if (Date.now() >= until) throw new Error(`${shown(words)}\n${problem}; it said:\n${ended.said.trim()}`);
    await wait(run.pauseMs ?? 15_000);
  }
}

/** Only names that a command has saved: a policy's own braces stay. */
function fill(text: string, values: ReadonlyMap<string, string>): string {
  return text.replaceAll(/\{([A-Za-z]+)\}/g, (whole, name: string) => values.get(name) ?? whole);
}

interface Ended {
  readonly code: number | null;
  readonly said: string;
}

/** What it did not do; undefined: it did what it must. */
function findProblem({ exits = [0], prints = [], saves = {}, goneWhen }: Command, { code, said }: Ended): string | undefined {
  const ended = code !== null && exits.includes(code);
  if (!ended && goneWhen?.test(said) === true) return undefined;
  if (!ended) return `ended with ${code} instead of ${exits.join(" or ")}`;
  const missing = [...prints, ...Object.values(saves)].find((pattern) => !pattern.test(said));
  return missing === undefined ? undefined : `did not print ${missing.source}`;
}

function execute([program = "", ...args]: readonly string[], { cwd, environment }: ProofRun): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: environment, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        said += text;
      });
    }
    child.on("error", (error) => reject(new Error(`${program} cannot be started: ${error.message}`)));
    child.on("close", (code) => resolve({ code, said }));
  });
}
