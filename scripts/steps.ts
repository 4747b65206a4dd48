/**
 * The steps that `npm test` and `npm run check` are made of: each runs a tool, shows what it says,
 * and counts.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectDirectory } from "./cache-directory.ts";

export interface Count {
  readonly passed: number;
  readonly failed: number;
  /**
   * Each failed test's name and what it says, shown again at the end: logs are long, and get cut.
   */
  readonly failures?: readonly string[];
}

export interface Step {
  readonly name: string;
  run(): Promise<Count>;
}

/** What is read of vitest's JSON report. */
export interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly success: boolean;
  readonly testResults: readonly FileReport[];
}

export interface FileReport {
  readonly name: string;
  readonly status: string;
  readonly message: string;
  readonly assertionResults: readonly { readonly status: string }[];
}

/** A tool that passes or fails as a whole. */
export function toolStep(name: string, command: string, args: readonly string[]): Step {
  return {
    name,
    async run() {
      return (await runTool(command, args)) === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
    },
  };
}

/** One of vitest's projects; every test counts. `filters` choose files by a part of their path. */
export function vitestStep(project: string, filters: readonly string[] = []): Step {
  return {
    name: `${project} tests`,
    async run() {
      const directory = mkdtempSync(join(tmpdir(), "hf-vitest-"));
      try {
        const report = join(directory, "report.json");
        const failures = join(directory, "failures.json");
        const own = join(projectDirectory, "scripts", "failure-reporter.ts");
        const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`, `--reporter=${own}`];
        const env = { HOLDFAST_TEST_FAILURES: failures };
        const exitCode = await runTool("vitest", ["run", "--project", project, ...reporters, ...filters], env);
        return { ...countTests(readJson<VitestReport>(report), exitCode), failures: readJson<string[]>(failures) ?? [noReport] };
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    },
  };
}

const noReport = "vitest wrote no report";

function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch {
    return undefined; // vitest died before it wrote one, which countTests counts as a failure
  }
}

/**
 * What a vitest run amounts to. Beside failed tests, these are failures: a skipped or planned test
 * (it would look green), a file that failed to load, a run that failed for any other reason (an
 * error outside of tests, a setup), and a run without tests.
 */
export function countTests(report: VitestReport | undefined, exitCode: number): Count {
  if (report === undefined) return { passed: 0, failed: 1 };
  const unloaded = report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0).length;
  const failed = report.numFailedTests + report.numPendingTests + report.numTodoTests + unloaded;
  const passed = report.numPassedTests;
  const unexplained = failed === 0 && (exitCode !== 0 || !report.success || passed === 0);
  return { passed, failed: unexplained ? 1 : failed };
}

/** Steps that run at the same time as others, each lane in its order. */
type Lanes = readonly (readonly Step[])[];

/**
 * Runs the steps in order, and the steps of lanes beside each other: all of them whatever fails.
 * Prints the sum as the last line. Returns the exit code.
 */
export async function runSteps(steps: readonly (Step | Lanes)[]): Promise<number> {
  const turns = steps.map((step): Lanes => ("run" in step ? [[step]] : step));
  const all = turns.flat(2);
  const results = new Map<Step, Result>();
  const runLane = async (lane: readonly Step[]): Promise<void> => {
    for (const step of lane) {
      console.log(`\n[${all.indexOf(step) + 1}/${all.length}] ${step.name}`);
      const result = await runTimed(step);
      results.set(step, result);
      console.log(describeResult(step, result));
    }
  };
  for (const lanes of turns) await Promise.all(lanes.map(runLane));
  const counts = [...results.values()];
  for (const failure of counts.flatMap(({ failures = [] }) => failures)) console.log(`\nFAILED ${failure}`);
  const [passed, failed] = [sumOf(counts.map((each) => each.passed)), sumOf(counts.map((each) => each.failed))];
  const lines = [...results].map(([step, result]) => describeResult(step, result));
  console.log(`\n${lines.join("\n")}\n\n${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

interface Result extends Count {
  readonly seconds: number;
}

async function runTimed(step: Step): Promise<Result> {
  const started = performance.now();
  const count = await step.run();
  return { ...count, seconds: (performance.now() - started) / 1000 };
}

function describeResult({ name }: Step, { passed, failed, seconds }: Result): string {
  const [counted, missed] = [String(passed).padStart(5), String(failed).padStart(4)];
  return `${failed === 0 ? "ok  " : "FAIL"} ${name.padEnd(28)} ${counted} passed ${missed} failed ${seconds.toFixed(1).padStart(7)} s`;
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0);
}

function runTool(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<number> {
  return new Promise((resolve) => {
    const options = { cwd: projectDirectory, env: { ...process.env, ...env } };
    const child = spawn(command, args, { ...options, stdio: ["ignore", "inherit", "inherit"] });
    child.on("error", (error) => {
      console.error(`${command} could not be started: ${error.message}`);
      resolve(1);
    });
    child.on("close", (code) => resolve(code ?? 1));
  });
}
