/**
 * `npm run mutation [-- MODULE ...]`: breaks the code of each module in small ways and counts what
 * its tests notice. docs/testing.md. Not part of `npm test`: a module takes minutes.
 */
import { globSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { Stryker } from "@stryker-mutator/core";
import { cacheDirectory, projectDirectory } from "./cache-directory.ts";
import { type MutationModule, mutationModules } from "./mutation-modules.ts";

const reports = join(realpathSync(cacheDirectory()), "mutation");

type Mutant = Awaited<ReturnType<Stryker["runMutationTest"]>>[number];

interface Score {
  readonly name: string;
  readonly killed: number;
  /** Of those killed: by a limit of time, which may be the machine's fault. */
  readonly timedOut: number;
  readonly survived: number;
}

/** Runs one module. Errors: Stryker's own, when the tests fail without a mutant. */
async function measureModule({ name, mutate, tests, maxTestMs }: MutationModule): Promise<Score> {
  const testFiles = globSync([...tests], { cwd: projectDirectory });
  if (testFiles.length === 0) throw new Error(`no test of the module ${name} was found: ${tests.join(", ")}`);
  process.env["HOLDFAST_MUTATION_TESTS"] = testFiles.join();
  process.env["HOLDFAST_MUTATION_TEST_MS"] = String(maxTestMs ?? 600_000);
  const results = await new Stryker({
    configFile: join(projectDirectory, "stryker.config.mjs"),
    mutate: [...mutate],
    tempDirName: join(reports, "copies"),
    jsonReporter: { fileName: join(reports, `${name}.json`) },
    htmlReporter: { fileName: join(reports, `${name}.html`) },
  }).runMutationTest();
  const survivors = results.filter(({ status }) => status === "Survived" || status === "NoCoverage");
  const timedOut = results.filter(isTimedOut);
  for (const mutant of timedOut) console.log(`timed out: ${describeMutant(mutant)}`);
  for (const mutant of survivors) console.log(`survived: ${describeMutant(mutant)}`);
  const killed = results.filter(({ status }) => status === "Killed" || status === "Timeout").length;
  return { name, killed, timedOut: timedOut.length, survived: survivors.length };
}

/** By Stryker's limit, or by the one of a test. */
function isTimedOut({ status, statusReason }: Mutant): boolean {
  return status === "Timeout" || (status === "Killed" && /^(Test|Hook) timed out in/.test(statusReason ?? ""));
}

function describeMutant({ fileName, location, mutatorName, replacement }: Mutant): string {
  const { line, column } = location.start;
  const path = fileName.startsWith(projectDirectory) ? fileName.slice(projectDirectory.length + 1) : fileName;
  return `${path}:${line}:${column} ${mutatorName}: ${replacement?.replaceAll(/\s+/g, " ") ?? ""}`;
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !mutationModules.some((module) => module.name === name));
if (unknown.length > 0) {
  console.error(`no such module: ${unknown.join(", ")}; there are ${mutationModules.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}
const scores: Score[] = [];
for (const module of asked.length === 0 ? mutationModules : mutationModules.filter(({ name }) => asked.includes(name))) {
  try {
    scores.push(await measureModule(module));
  } catch (error) {
    // Not measured: its tests fail even without a mutant. The other modules still are.
    console.error(`${module.name}: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
console.log("\nmodule              mutants  killed  timed out  survived    score");
for (const { name, killed, timedOut, survived } of scores) {
  const sum = killed + survived;
  const columns = [
    String(sum).padStart(8),
    String(killed).padStart(7),
    String(timedOut).padStart(10),
    String(survived).padStart(9),
  ];
  console.log(name.padEnd(18), ...columns, `${((100 * killed) / sum).toFixed(1)} %`.padStart(8));
}
