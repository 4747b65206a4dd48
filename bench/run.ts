/**
 * `npm run bench`: Holdfast against the bare tools, side by side in one run.
 *   --runs N       runs of each contender (default 5)
 *   --megabytes N  size of the large database's COPY text (default 1000; the small one has a tenth)
 *   --earlier DIR  also the Holdfast of another checkout (with its node_modules)
 *   --large        also the margin: a database four times as large, minus the large one
 * or, instead of all that:
 *   --sandbox        what each kind of sandbox adds to the start of a program
 *   --reuse          30 daily backups of a tree that changes 1 % a day: what is stored
 *   --restore        restores by hand, of a database and of one table out of 100, against pg_restore
 *   --s3             files to an S3 server and back, against restic and rclone
 * or the functions of the stack as Lambda runs them:
 *   --cold-start     loading and calling the bundled handlers, against an empty one
 *   --lambda-memory  what a dump of 500 MB, 1 GB and 2 GB through S3 and its verification take
 */
import { availableParallelism, cpus, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { startPostgres } from "../test/support/postgres-server.ts";
import { runOk } from "../test/support/processes.ts";
import {
  backupContenders,
  bareRestoreServer,
  type Compared,
  earlier,
  names,
  restoreContenders,
  verifyContenders,
} from "./contenders.ts";
import { createBenchDatabase } from "./database.ts";
import { benchColdStart, benchMemory } from "./functions.ts";
import { type Contender, type Measurement, measure, median, takeTurns } from "./measure.ts";
import { findRestic, type Restic } from "./restic.ts";
import { benchRestore } from "./restore.ts";
import { benchReuse } from "./reuse.ts";
import { benchS3 } from "./s3.ts";
import { benchSandbox } from "./sandbox.ts";
import { mebibytes, renderComparison, renderFigure, renderMargin } from "./table.ts";
import { benchMajor, type Installation, installHoldfast, openWorkspace, type Workspace } from "./workspace.ts";

const { values: options } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    megabytes: { type: "string", default: "1000" },
    earlier: { type: "string" },
    large: { type: "boolean", default: false },
    sandbox: { type: "boolean", default: false },
    reuse: { type: "boolean", default: false },
    restore: { type: "boolean", default: false },
    s3: { type: "boolean", default: false },
    "cold-start": { type: "boolean", default: false },
    "lambda-memory": { type: "boolean", default: false },
  },
});
const runs = Number(options.runs);
const largeBytes = Number(options.megabytes) * 1_000_000;

/** Against an earlier checkout: what two runs of one program differ by on a busy machine. */
const noSlower = 1.1;

const say = (text: string): void => void process.stderr.write(`${text}\n`);
const race = (contenders: readonly Contender[], times = runs): Promise<ReadonlyMap<string, readonly Measurement[]>> =>
  takeTurns(contenders, times, (name, { seconds }) => say(`    ${seconds.toFixed(2).padStart(7)} s  ${name}`));
const medianOf = (measurements: readonly Measurement[] | undefined): number =>
  median((measurements ?? []).map(({ seconds }) => seconds));
const peakOf = (measurements: readonly Measurement[]): number =>
  Math.max(...measurements.map(({ peakBytes }) => peakBytes ?? Number.NaN));

async function prepareDatabase(workspace: Workspace, name: string, copyBytes: number): Promise<Compared> {
  const started = performance.now();
  const { rows, databaseBytes } = await createBenchDatabase(workspace.server, name, copyBytes);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  const dump = await runOk(
    "bash",
    ["-c", 'set -o pipefail; "$1" "$2" | wc -c', "bench", join(workspace.server.binDir, "pg_dump"), name],
    {
      env: workspace.server.env,
      timeoutMs: 600_000,
    },
  );
  const sizes = `${mebibytes(Number(dump)).toFixed(0)} MiB of script, ${mebibytes(databaseBytes).toFixed(0)} MiB on disk`;
  console.log(`  ${name}: ${rows.toLocaleString("en")} rows, ${sizes} (built in ${seconds} s)`);
  const now = await installHoldfast(workspace, name);
  if (options.earlier === undefined) return { now };
  return { now, earlier: await installHoldfast(workspace, name, resolve(options.earlier)) };
}

async function makeArchive(workspace: Workspace, database: string): Promise<string> {
  const archive = join(workspace.directory, `${database}.dump`);
  await runOk(join(workspace.server.binDir, "pg_dump"), ["-Fc", "--compress=zstd:3", "--file", archive, database], {
    env: workspace.server.env,
    timeoutMs: 600_000,
  });
  return archive;
}

async function benchBackups(workspace: Workspace, compared: Compared, restic: Restic | undefined, times = runs) {
  say(`  backups of ${compared.now.source} ...`);
  return race(backupContenders(workspace, compared, restic), times);
}

async function benchReading(
  workspace: Workspace,
  compared: Compared,
): Promise<Map<string, ReadonlyMap<string, readonly Measurement[]>>> {
  const archive = await makeArchive(workspace, compared.now.source);
  // The last backup run may have been another contender's, but Holdfast's vault was only emptied
  // before its own.
  say("  reading back ...");
  const verify = await race(verifyContenders(workspace, compared, archive));
  say("  restoring ...");
  await using target = await startPostgres(bareRestoreServer);
  const restore = await race(restoreContenders(workspace, compared, archive, target));
  return new Map([
    ["verify", verify],
    ["restore", restore],
  ]);
}

/** Holdfast's own process, without pg_dump and the like. */
async function measurePeaks(holdfast: Installation): Promise<{ backup: number; verify: number }> {
  const backup = await measure(holdfast.command("backup", holdfast.source, "--no-verify", "--no-prune"));
  const verify = await measure(holdfast.command("verify", `${holdfast.source}@latest`));
  return { backup: mebibytes(peakOf([backup])), verify: mebibytes(peakOf([verify])) };
}

async function main(): Promise<void> {
  const cpu = cpus()[0]?.model.trim() ?? "unknown processor";
  console.log(`Holdfast bench: medians of ${runs} runs in turns; whole processes, start included`);
  console.log(
    `  ${availableParallelism()} cores of ${cpu}, ${mebibytes(totalmem()).toFixed(0)} MiB, Node ${process.versions.node}, PostgreSQL ${benchMajor}`,
  );
  const found = findRestic();
  const restic = "missing" in found ? undefined : found;
  console.log(`  ${"missing" in found ? `without restic: ${found.missing}` : found.version}`);

  await using workspace = await openWorkspace();
  const small = await prepareDatabase(workspace, "benchsmall", largeBytes / 10);
  const large = await prepareDatabase(workspace, "bench", largeBytes);

  const backups = await benchBackups(workspace, large, restic);
  const title = `Backup of ${options.megabytes} MB`;
  console.log(
    `\n${renderComparison({ title, results: backups, aims: { [earlier(names.backup)]: noSlower, [names.bareDump]: 1.25, [names.shell]: 1, [names.restic]: 1 } })}`,
  );
  if (options.large) {
    const huge = await prepareDatabase(workspace, "benchlarge", largeBytes * 4);
    const hugeBackups = await benchBackups(workspace, huge, restic, Math.min(runs, 3));
    console.log(
      `\n${renderMargin(`At the margin: ${Number(options.megabytes) * 4} MB minus ${options.megabytes} MB`, backups, hugeBackups, { [names.bareDump]: 1.1 })}`,
    );
  }

  const peaks = { small: await measurePeaks(small.now), large: await measurePeaks(large.now) };
  const reading = await benchReading(workspace, large);
  const show = (key: string, heading: string, aims: Readonly<Record<string, number>>): void =>
    console.log(`\n${renderComparison({ title: heading, results: reading.get(key) ?? new Map(), aims })}`);
  show("verify", "Verify (open, check, digest) against reading the same archive", {
    [earlier(names.verify)]: noSlower,
    [names.bareRead]: 2,
  });
  show("restore", "Restore test against its bare parts", { [earlier(names.restoreTest)]: noSlower, [names.bareRestore]: 1.3 });

  say("  starting up ...");
  const list = await race([{ name: "holdfast list", run: () => measure(small.now.command("list")) }], Math.max(runs, 9));
  console.log("\nPeak memory of Holdfast's own process");
  console.log(renderFigure(`backup of ${Number(options.megabytes) / 10} MB`, peaks.small.backup, "MiB", 200));
  console.log(renderFigure(`backup of ${options.megabytes} MB`, peaks.large.backup, "MiB", 200));
  console.log(renderFigure(`verify of ${Number(options.megabytes) / 10} MB`, peaks.small.verify, "MiB", 200));
  console.log(renderFigure(`verify of ${options.megabytes} MB`, peaks.large.verify, "MiB", 200));
  console.log(
    `\nStart-up\n${renderFigure("holdfast list on a small vault", medianOf(list.get("holdfast list")) * 1000, "ms", 300)}`,
  );
}

/** Megabytes that a dump stores. */
const dumpSizes = [500, 1000, 2000];

try {
  if (options["cold-start"]) await benchColdStart(Math.max(runs, 7));
  if (options["lambda-memory"]) await benchMemory(dumpSizes);
  if (options.sandbox) await benchSandbox(Math.max(runs, 20));
  if (options.s3) await benchS3(runs, largeBytes);
  if (options.reuse) await benchReuse(say);
  if (options.restore) await benchRestore(runs, largeBytes, say);
  const { sandbox, s3, reuse, restore, "cold-start": coldStart, "lambda-memory": lambdaMemory } = options;
  if (![sandbox, s3, reuse, restore, coldStart, lambdaMemory].includes(true)) await main();
} catch (error) {
  say(`The bench stopped: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
