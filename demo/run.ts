/**
 * `npm run demo`: a database is backed up, proven, changed, backed up again, pruned and damaged,
 * before your eyes. Everything runs on this machine, in demo-output/ and in a PostgreSQL server of
 * its own that is gone at the end, however it ends.
 */
import { chmod, copyFile, mkdir, open, readdir, readFile, rm, stat } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { projectDirectory } from "../scripts/cache-directory.ts";
import { findOrFetchPostgres } from "../scripts/postgres-binaries.ts";
import { type PostgresServer, startPostgres } from "../test/support/postgres-server.ts";
import { changeSampleDatabase, countSampleRows, createSampleDatabase } from "./sample-data.ts";
import { createStory, DemoInterrupted, type Story } from "./story.ts";

const database = "taskmaster";
/** Another directory may be given as the argument; it is emptied first. */
const output = resolve(process.argv[2] ?? join(projectDirectory, "demo-output"));
/** From docs/operations.md, "Exit codes". */
const [breach, integrityFailure, refused] = [1, 4, 5];

const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interruption.abort(signal));
const goOn = (): void => {
  if (interruption.signal.aborted) throw new DemoInterrupted();
};

async function main(): Promise<void> {
  await rm(output, { recursive: true, force: true });
  await mkdir(output);
  const binaries = await findOrFetchPostgres(17);
  await using server = await startPostgres({ major: binaries.major, binDir: binaries.binDir });
  const env = { ...process.env, TASKMASTER_DATABASE_URL: server.urlOf(database), HOLDFAST_PG_PATH: binaries.binDir };
  const story = createStory(output, env, interruption.signal);
  await prepare(story, server, binaries.origin);
  await firstBackup(story);
  await lifeGoesOn(story, server);
  await prune(story);
  await damage(story);
  await restore(story, server);
  await end(story);
}

async function prepare(story: Story, server: PostgresServer, origin: string): Promise<void> {
  story.heading("A database worth keeping");
  await createSampleDatabase(server, database);
  goOn();
  const rows = await countSampleRows(server, database);
  const size = await server.sql(`select pg_size_pretty(pg_database_size('${database}'))`);
  const version = await server.sql("show server_version");
  story.say(
    `PostgreSQL ${version} (${origin === "cache" ? "the project's own copy" : "found on this machine"}) runs on port ${server.port}, for this demo only.`,
    `In it: a task manager with ${rows.toLocaleString("en")} rows, ${size}; partitions, large objects, row-level security and all.`,
  );
  story.note("sample database", `${rows.toLocaleString("en")} rows`);

  story.heading("A policy");
  story.say("`init` writes a key and a commented policy to start from.");
  await story.holdfast([
    "init",
    "--source",
    database,
    "--connection",
    "env:TASKMASTER_DATABASE_URL",
    "--vault",
    "folder:vault",
    "--key",
    "main.key",
  ]);
  await copyFile(join(import.meta.dirname, "holdfast.yml"), join(output, "holdfast.yml"));
  story.say("", "For the demo it now says this:", "");
  story.quote(await readFile(join(output, "holdfast.yml"), "utf8"));
  await story.holdfast(["check"]);
  story.note("policy written and checked", "holdfast.yml");
}

async function firstBackup(story: Story): Promise<void> {
  story.heading("A backup, read back at once");
  story.say("Dumped by pg_dump, compressed, encrypted, stored; then every byte is read back, opened, parsed and digested.");
  await story.holdfast(["backup", database]);
  story.note("first backup", "stored and verified");

  story.heading("Proof that it restores");
  story.say(
    "Restored into a throwaway server; dumped again; both contents compared, table by table; the policy's questions asked; the clock read.",
  );
  await story.holdfast(["restore-test", database]);
  story.note("restore test", "proven");
}

async function lifeGoesOn(story: Story, server: PostgresServer): Promise<void> {
  story.heading("Life goes on");
  await changeSampleDatabase(server, database);
  goOn();
  story.say(
    `Tasks were added, finished and deleted, a column was added: ${(await countSampleRows(server, database)).toLocaleString("en")} rows now.`,
  );
  await story.holdfast(["backup", database]);
  await story.holdfast(["restore-test", database]);
  story.note("changed, backed up again", "stored, verified, proven");
  await server.sql("insert into app.tags (name, colour) select 'late ' || n, '#000000' from generate_series(1, 100) n", database);
  story.say("", "And a third one, without pruning yet:");
  await story.holdfast(["backup", database, "--no-prune"]);
  await story.holdfast(["list"]);
  story.note("third backup", "stored and verified");
}

async function prune(story: Story): Promise<void> {
  story.heading("What may go, and why");
  story.say("The policy keeps the last two. A dry run says what would happen to each backup, and for what reason.");
  await story.holdfast(["prune", "--dry-run"]);
  await story.holdfast(["prune"]);
  story.note("pruned", "the oldest went, with a reason for each");
}

async function damage(story: Story): Promise<void> {
  story.heading("One bit goes bad");
  const victim = await flipOneBit();
  story.say(
    `The demo has just flipped a single bit in the middle of the newest backup:`,
    `  ${relative(output, victim)}`,
    "Size and date are as before. Does anybody notice?",
  );
  await story.holdfast(["verify", `${database}@latest`], { exitCode: integrityFailure });
  story.say("", "A damaged backup is never relied on, and while the newest is damaged nothing is pruned:");
  await story.holdfast(["list"]);
  await story.holdfast(["prune"], { exitCode: refused });
  story.note("one bit flipped", "caught: exit code 4, pruning refused");
}

async function restore(story: Story, server: PostgresServer): Promise<void> {
  story.heading("The day it is needed");
  const proven = (await listBackups()).at(-2) ?? "";
  const copy = `${database}_restored`;
  story.say("The backup before it is proven. It is restored beside the original, never over it, and compared again:");
  await story.holdfast(["restore", proven, "--to", copy]);
  goOn();
  const rows = await countSampleRows(server, copy);
  story.note("restored", `${rows.toLocaleString("en")} rows in a new database`);
}

async function end(story: Story): Promise<void> {
  story.heading("Where things stand");
  story.say(
    "Objectives against measurements: the newest backup is damaged, which is a breach; what can be relied on is the proven one before it.",
  );
  await story.holdfast(["status"], { exitCode: breach });
  await story.holdfast(["report", "--out", "report.html"]);
  story.note("status and report", "report.html");
  story.heading("In short");
  story.table();
  const file = join(output, "report.html");
  story.say(
    "",
    `Left behind, to look around in:`,
    `  report  file://${file}`,
    `  policy  ${join(output, "holdfast.yml")}`,
    `  vault   ${join(output, "vault")} (its RESTORE.md says how to restore with public tools alone)`,
  );
}

const artifacts = join(output, "vault/artifacts", database);

/** Ids of the backups in the vault, oldest first: an id begins with its time. */
async function listBackups(): Promise<string[]> {
  return (await readdir(artifacts)).toSorted();
}

/** In the middle of the largest artifact of the newest backup. Returns its path. */
async function flipOneBit(): Promise<string> {
  const newest = (await listBackups()).at(-1) ?? "";
  const directory = join(artifacts, newest);
  const sizes = await Promise.all(
    (await readdir(directory)).map(async (name) => {
      const path = join(directory, name);
      return { path, bytes: (await stat(path)).size };
    }),
  );
  const largest = sizes.toSorted((a, b) => b.bytes - a.bytes)[0];
  if (largest === undefined) throw new Error(`there is no artifact in ${directory}`);
  await chmod(largest.path, 0o600); // a vault in a folder keeps its artifacts read-only
  const file = await open(largest.path, "r+");
  try {
    const byte = Buffer.alloc(1);
    const middle = Math.floor(largest.bytes / 2);
    await file.read(byte, 0, 1, middle);
    byte.writeUInt8(byte.readUInt8() ^ 0b0000_1000);
    await file.write(byte, 0, 1, middle);
  } finally {
    await file.close();
  }
  return largest.path;
}

try {
  await main();
} catch (error) {
  const interrupted = error instanceof DemoInterrupted || interruption.signal.aborted;
  process.stderr.write(
    interrupted
      ? "\nInterrupted; the demo's server is gone.\n"
      : `\nThe demo stopped: ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exitCode = interrupted ? 130 : 1;
}
