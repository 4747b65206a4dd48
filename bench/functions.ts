/**
 * The bundled functions as Lambda runs them, against a local cloud: what a cold start costs beside
 * an empty handler, and how much memory a dump and its verification take for three sizes of
 * database (`npm run bench -- --cold-start`, `npm run bench -- --lambda-memory`).
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { deflateRawSync } from "node:zlib";
import { type Bundle, bundleFunctions, bundleModules } from "../scripts/bundle-functions.ts";
import { projectDirectory } from "../scripts/cache-directory.ts";
import { type FunctionsCloud, startFunctionsCloud } from "../test/support/functions-cloud.ts";
import { type LambdaAnswer, type Peaks, startFunction, watchMemory } from "../test/support/lambda-function.ts";
import { type PostgresServer, startPostgres } from "../test/support/postgres-server.ts";
import { startSupervisor } from "../test/support/supervisor.ts";
import { median } from "./measure.ts";
import { mebibytes } from "./table.ts";

const major = 17;

interface Bench extends AsyncDisposable {
  readonly server: PostgresServer;
  readonly cloud: FunctionsCloud;
  /** Bundles. */
  readonly task: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * A PostgreSQL with a database `data`, its source in a cloud of the bench's own, and directories
 * for bundles and temporary files.
 */
async function openBench(): Promise<Bench> {
  const directory = await mkdtemp(join(tmpdir(), "hf-bench-"));
  const supervisor = startSupervisor('rm -rf "$1"', [directory]);
  const [task, temporary] = [join(directory, "task"), join(directory, "tmp")];
  for (const path of [task, temporary]) await mkdir(path);
  const server = await startPostgres({ major, settings: { wal_level: "minimal", max_wal_senders: 0, autovacuum: "off" } });
  await server.sql("create database data");
  const cloud = await startFunctionsCloud({ data: server.urlOf("data") });
  return {
    server,
    cloud,
    task,
    env: cloud.environment({ temporary, toolPath: server.binDir }),
    async [Symbol.asyncDispose]() {
      await cloud[Symbol.asyncDispose]();
      await server.remove();
      await supervisor.dismiss();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/**
 * Nothing at all, and the stack that every function has (functions/commons/step.ts) around a step
 * that does nothing.
 */
const empty = "export const handler = async () => ({});\n";
const emptyStack = `
  import { injectLambdaContext } from "@aws-lambda-powertools/logger/middleware";
  import { logMetrics } from "@aws-lambda-powertools/metrics/middleware";
  import { captureLambdaHandler } from "@aws-lambda-powertools/tracer/middleware";
  import middy from "@middy/core";
  import * as z from "zod";
  import { logger, metrics, tracer } from "${join(projectDirectory, "functions/commons/powertools.ts")}";
  const input = z.looseObject({});
  export const handler = middy().use(injectLambdaContext(logger)).use(logMetrics(metrics)).use(captureLambdaHandler(tracer))
    .handler(async (event) => input.parse(event));\n`;

/** They lie in the project while they are bundled, or its packages would not be found. */
async function bundleEmpty(directory: string): Promise<Bundle[]> {
  const place = await mkdtemp(join(projectDirectory, "bench", ".empty-"));
  try {
    const entries = new Map([
      ["empty", join(place, "empty.ts")],
      ["stack", join(place, "stack.ts")],
    ]);
    await writeFile(entries.get("empty") ?? "", empty);
    await writeFile(entries.get("stack") ?? "", emptyStack);
    return await bundleModules(entries, directory);
  } finally {
    await rm(place, { recursive: true });
  }
}

interface ColdStart {
  readonly name: string;
  readonly module: string;
  readonly event: unknown;
  readonly env: NodeJS.ProcessEnv;
}

/** Loads each function in fresh processes, in turns, and calls it twice. */
export async function benchColdStart(runs: number): Promise<void> {
  await using bench = await openBench();
  await bench.server.sql("create table words as select n, 'word ' || n as word from generate_series(1, 1000) n", "data");
  const bundles = [...(await bundleFunctions(["plan", "dump"], bench.task)), ...(await bundleEmpty(bench.task))];
  const events: Readonly<Record<string, unknown>> = {
    plan: { step: "backup", source: "data", kind: "full" },
    dump: { source: "data", kind: "full" },
  };
  const contenders = ["empty", "stack", "plan", "dump"].map((name): ColdStart => {
    const module = bundles.find((bundle) => bundle.name === name)?.file ?? "";
    return { name, module, event: events[name] ?? {}, env: bench.env };
  });
  const results = new Map(contenders.map(({ name }) => [name, [] as number[][]]));
  for (let round = 0; round < runs; round += 1) {
    for (const contender of contenders) results.get(contender.name)?.push(await startCold(contender));
  }
  const of = (name: string, index: number): number => median((results.get(name) ?? []).map((times) => times[index] ?? Number.NaN));
  console.log(`Cold start of the bundled handlers, medians of ${runs} fresh processes; calls against a local cloud`);
  console.log("             bundle       zip      load   against   first call   second call");
  for (const { name, module } of contenders) {
    const { bytes, zipBytes } = await packageSize(module);
    const sizes = `${(bytes / 1e6).toFixed(2).padStart(6)} MB ${(zipBytes / 1e6).toFixed(2).padStart(6)} MB`;
    const [load, first, second] = [0, 1, 2].map((index) => of(name, index)) as [number, number, number];
    const ratio = name === "empty" ? "" : `${(load / of("stack", 0)).toFixed(2)} x`;
    const calls = `${first.toFixed(0).padStart(8)} ms   ${second.toFixed(0).padStart(8)} ms`;
    console.log(`  ${name.padEnd(6)} ${sizes} ${load.toFixed(0).padStart(6)} ms  ${ratio.padStart(8)}  ${calls}`);
  }
  console.log(
    "  empty: a handler alone; stack: middy, Powertools and zod around a step that does nothing, which the ratios are of",
  );
}

async function startCold({ module, event, env }: ColdStart): Promise<number[]> {
  await using lambda = await startFunction({ module, env });
  const first = succeed(await lambda.invoke(event), lambda.log());
  // A second backup of the same second would wait for the next one (pipeline/dump.ts).
  await sleep(1_000);
  const second = succeed(await lambda.invoke(event), lambda.log());
  return [lambda.loadMs, first.ms, second.ms];
}

/** The bundle, and about what it weighs in a zip with its source map. */
async function packageSize(module: string): Promise<{ readonly bytes: number; readonly zipBytes: number }> {
  const files = [await readFile(module), await readFile(`${module}.map`)];
  return { bytes: files[0]?.length ?? 0, zipBytes: files.reduce((sum, file) => sum + deflateRawSync(file).length, 0) };
}

function succeed(answer: LambdaAnswer, log: string): LambdaAnswer & { readonly result: Record<string, unknown> } {
  if (answer.result !== undefined) return { ...answer, result: answer.result };
  throw new Error(`the function failed with ${answer.errorType}: ${answer.errorMessage}\n${log.slice(-4000)}`);
}

/** The stack's default (`memory` in serverless.yml): as much as a new account allows. */
const lambdaMegabytes = 3_008;

/** What the issue allows the function's process, in MiB. */
export const memoryAim = 512;

export interface MemoryRow {
  readonly megabytes: number;
  readonly step: "dump" | "verify";
  readonly seconds: number;
  readonly storedBytes: number;
  /** VmHWM of the function's own process. */
  readonly peakBytes: number;
  readonly peaks: Peaks;
}

/** Rows that no compression makes smaller: a dump stores about as many bytes as they have. */
const rowBytes = 1_000;

/**
 * Dumps and verifies databases of so many megabytes each, every step in a fresh process; `nodeArgs`
 * as a runtime would give Node.
 */
export async function measureMemory(
  sizes: readonly number[],
  nodeArgs: readonly string[] = [],
  onRow: (row: MemoryRow) => void = () => undefined,
): Promise<MemoryRow[]> {
  await using bench = await openBench();
  const { server, cloud, task, env } = bench;
  const bundles = await bundleFunctions(["dump", "prove"], task);
  await server.sql("create extension pgcrypto; create unlogged table blobs (id bigint, body bytea)", "data");
  const rows: MemoryRow[] = [];
  let filled = 0;
  for (const megabytes of sizes) {
    const wanted = (megabytes * 1_000_000) / rowBytes;
    await server.sql(
      `insert into blobs select n, gen_random_bytes(${rowBytes}) from generate_series(${filled + 1}, ${wanted}) n`,
      "data",
    );
    filled = wanted;
    const run = async (step: "dump" | "verify", event: object): Promise<Record<string, unknown>> => {
      const bundle = step === "dump" ? "dump" : "prove";
      const module = bundles.find(({ name }) => name === bundle)?.file ?? "";
      await using lambda = await startFunction({ module, env, nodeArgs });
      const watch = watchMemory(lambda.pid);
      const { result, ms, peakBytes } = succeed(await lambda.invoke(event), lambda.log());
      const storedBytes = Number(result["storedBytes"] ?? rows.at(-1)?.storedBytes);
      const row = { megabytes, step, seconds: ms / 1000, storedBytes, peakBytes, peaks: watch.stop() };
      rows.push(row);
      onRow(row);
      return result;
    };
    const { backupId } = await run("dump", { source: "data", kind: "full" });
    await run("verify", { step: "verify", source: "data", backupId, execution: "bench" });
    await cloud.empty();
  }
  return rows;
}

/**
 * Unlogged tables are dumped like others, and make the data without a write-ahead log of the same
 * size.
 */
export async function benchMemory(sizes: readonly number[]): Promise<void> {
  const flags = [
    `--max-semi-space-size=${Math.floor(lambdaMegabytes / 20)}`,
    `--max-old-space-size=${Math.floor(lambdaMegabytes * 0.9)}`,
  ];
  for (const [title, nodeArgs] of [
    ["Node's own defaults", []],
    [`as Lambda's runtimes set Node for ${lambdaMegabytes} MB: ${flags.join(" ")}`, flags],
  ] as const) {
    console.log(`\nMemory of the bundled handlers through S3 and KMS, ${title}`);
    console.log("                       stored     time   own peak   with all tools   aim");
    await measureMemory(sizes, nodeArgs, (row) => console.log(renderMemory(row)));
  }
}

function renderMemory({ megabytes, step, seconds, storedBytes, peakBytes, peaks }: MemoryRow): string {
  const column = (bytes: number, width: number): string => `${mebibytes(bytes).toFixed(0).padStart(width)} MiB`;
  const sizes = `${step.padEnd(6)} ${String(megabytes).padStart(6)} MB ${column(storedBytes, 6)} ${seconds.toFixed(1).padStart(6)} s`;
  const verdict = mebibytes(peakBytes) < memoryAim ? "met" : "MISSED";
  return `  ${sizes} ${column(peakBytes, 7)} ${column(peaks.togetherBytes, 12)}   under ${memoryAim} MiB: ${verdict}`;
}
