/**
 * A deployed stack as the command line finds it: a local cloud with real state machines under the
 * deployed names, and a directory without a policy.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packPolicy } from "../../../src/policy/packed-policy.ts";
import { createSampleStack, type SampleStack } from "../../cli/stack/sample-stack.ts";
import { type MiniStackServer, startMiniStack } from "../../support/ministack.ts";
import { type RunResult, run, waitFor } from "../../support/processes.ts";

const launcher = join(import.meta.dirname, "..", "..", "..", "bin", "holdfast.mjs");

/** The beginning of the ARN of a machine's executions. */
export const arnOf = (machine: string) => `arn:aws:states:eu-central-1:000000000000:execution:holdfast-prod-${machine}:`;

export interface StackProject extends AsyncDisposable {
  readonly cloud: MiniStackServer;
  readonly stack: SampleStack;
  /** Where there is no holdfast.yml. */
  readonly directory: string;
  /** Runs the command line there. */
  holdfast(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<RunResult>;
  onStack(...args: readonly string[]): Promise<RunResult>;
  /** Starts it, and sees what it says while it runs. */
  start(args: readonly string[]): RunningCommand;
}

export type RunningCommand = ReturnType<typeof startCommand>;

export async function openStackProject(): Promise<StackProject> {
  const cloud = await startMiniStack();
  const directory = await mkdtemp(join(tmpdir(), "holdfast-stack-"));
  const policy = [
    "version: 1",
    `vaults: { main: "folder:${directory}/vault" }`,
    `keys: { main: "file:${directory}/main.key" }`,
    "sources:",
    ...["shop", "slow", "endless"].map(
      (name) => `  ${name}: { engine: postgres, connection: { secret: "${name}/db" }, retention: { daily: 7 } }`,
    ),
    // The one that is there, so that its backups can be made and listed for real.
    `  broken: { engine: files, path: "${directory}/tree", retention: { daily: 7 } }`,
  ].join("\n");
  await writeFile(join(directory, "policy-that-was-deployed.yml"), policy);
  // Longer than a secret, so that it travels compressed.
  const long = `${policy}\n${Array.from({ length: 3000 }, (_, index) => `# why source ${index} is not backed up`).join("\n")}\n`;
  const stack = await createSampleStack(cloud.endpoint, "holdfast-prod", packPolicy(long, "open"));
  const holdfast: StackProject["holdfast"] = (args, env = {}) => {
    const all = { ...process.env, NO_COLOR: "1", HOME: directory, HOLDFAST_POLICY: undefined, ...stack.env, ...env };
    return run(process.execPath, [launcher, ...args], { cwd: directory, env: all });
  };
  return {
    cloud,
    stack,
    directory,
    holdfast,
    onStack: (...args) => holdfast(["--stack", "holdfast-prod", ...args]),
    start: (args) => startCommand(args, directory, { ...process.env, NO_COLOR: "1", HOME: directory, ...stack.env }),
    async [Symbol.asyncDispose]() {
      stack.close();
      await cloud.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function startCommand(args: readonly string[], directory: string, env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, [launcher, "--stack", "holdfast-prod", ...args], { cwd: directory, env });
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => {
    said.stdout += chunk;
  });
  child.stderr.on("data", (chunk: Buffer) => {
    said.stderr += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  return { child, said, ended, says: (text: string | RegExp) => waitFor(String(text), () => said.stderr.search(text) >= 0) };
}
