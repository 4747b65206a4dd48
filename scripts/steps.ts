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

/**
 * Runs the steps in order, all of them whatever fails, and prints the sum as the last line. Returns
 * the exit code.
 */
export async function runSteps(steps: readonly Step[]): Promise<number> {
  const sum = { passed: 0, failed: 0 };
  const lines: string[] = [];
  const failures: string[] = [];
  for (const [index, step] of steps.entries()) {
    console.log(`\n[${index + 1}/${steps.length}] ${step.name}`);
    const started = performance.now();
    const { passed, failed, failures: named = [] } = await step.run();
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    lines.push(
      `${failed === 0 ? "ok  " : "FAIL"} ${step.name.padEnd(28)} ${String(passed).padStart(5)} passed ${String(failed).padStart(4)} failed ${seconds.padStart(7)} s`,
    );
    console.log(lines.at(-1));
    sum.passed += passed;
    sum.failed += failed;
    failures.push(...named);
  }
  for (const failure of failures) console.log(`\nFAILED ${failure}`);
  console.log(`\n${lines.join("\n")}\n\n${sum.passed} passed, ${sum.failed} failed`);
  return sum.failed === 0 && sum.passed > 0 ? 0 : 1;
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
