/**
 * What the dump's tests share: a run context, a policy source, and readers of what a dump gives.
 */

import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { finished, pipeline } from "node:stream/promises";
import type { Facts } from "../../../src/engines/backup-reader.ts";
import type { DumpArtifact, DumpSession, DumpSummary } from "../../../src/engines/dump-session.ts";
import type { PostgresFacts } from "../../../src/engines/postgres/backup-facts.ts";
import { openPostgresDump } from "../../../src/engines/postgres/dump/dump.ts";
import { traitsOf } from "../../../src/policy/engine-policy.ts";
import { postgresPolicy } from "../../../src/policy/engines/postgres/policy.ts";
import type { PostgresSource } from "../../../src/policy/engines/postgres/source.ts";
import type { Notice, SourceCheckResult } from "../../../src/proof/content.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import type { RunContext } from "../../../src/runtime/run-context.ts";
import { runOk } from "../../support/processes.ts";

export function makeContext(
  binDirs: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  signal: AbortSignal = new AbortController().signal,
): RunContext {
  return {
    clock: systemClock,
    randomBytes,
    signal,
    log: { info: () => {}, warn: () => {} },
    progress: { phase: () => {}, advance: () => {} },
    temporaryDirectory: "/tmp",
    environment,
    toolPath: binDirs,
    identity: "test:1",
  };
}

export function makeSource(options: Partial<PostgresSource> = {}): PostgresSource {
  return {
    name: "shop",
    traits: traitsOf(postgresPolicy),
    secrets: [],
    engine: "postgres",
    vault: "main",
    key: "main",
    tier: "standard",
    objectives: { rpoSeconds: 86_400, rtoSeconds: 86_400 },
    schedules: {},
    retention: { minAgeSeconds: 0, maxRemovalShare: 0.5 },
    verify: { maxDropShare: 0.5, volatile: [] },
    restoreTest: { assertions: [] },
    connection: { from: "env", name: "SHOP_DB" },
    exclude: { tables: [], data: [] },
    sourceCheck: "counts",
    rolePasswords: false,
    ...options,
  };
}

export interface FinishedDump {
  readonly archive: string;
  readonly globals: string;
  readonly check: SourceCheckResult;
  readonly facts: PostgresFacts;
  readonly notices: readonly Notice[];
  readonly coverage: DumpSummary["coverage"];
}

export async function readText(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

/**
 * A whole dump: the archive as a file in `directory`, the globals as text, the source check beside
 * them.
 */
export async function dumpTo(directory: string, source: PostgresSource, context: RunContext): Promise<FinishedDump> {
  const session = await openPostgresDump(source, { kind: "full", backupId: "b" }, context);
  try {
    const checking = session.sourceCheck();
    checking.catch(() => {});
    const archive = join(directory, `archive-${randomBytes(4).toString("hex")}.dump`);
    let globals = "";
    for await (const artifact of session.artifacts()) {
      if (artifact.role === "archive") await pipeline(artifact.body, createWriteStream(archive));
      else globals = await readText(artifact.body);
    }
    const check = await checking;
    return { archive, globals, check, ...(await session.finish()) };
  } finally {
    await session.close();
  }
}

/** Rows per COPY block of an archive, by the name that the block has. */
export async function archiveRows(binDir: string, archive: string): Promise<Record<string, number>> {
  const script = await runOk(join(binDir, "pg_restore"), ["--file=-", archive]);
  const rows: Record<string, number> = {};
  let table: string | undefined;
  for (const line of script.split("\n")) {
    const copy = table === undefined ? /^COPY (.*?) (?:\(.*\) )?FROM stdin;$/.exec(line) : undefined;
    if (copy?.[1] !== undefined) {
      table = `table ${copy[1].trim()}`;
      rows[table] = 0;
    } else if (line === "\\.") table = undefined;
    else if (table !== undefined) rows[table] = (rows[table] ?? 0) + 1;
  }
  return rows;
}

/** Reads all artifacts of a dump to their ends. */
export async function readDump(session: DumpSession<Facts, DumpArtifact>): Promise<void> {
  for await (const artifact of session.artifacts()) artifact.body.resume() && (await finished(artifact.body));
}

/** The rows of tables; large objects are counted beside them. */
export function rowsOf(check: SourceCheckResult): Record<string, number> {
  const tables = Object.entries(check.objects).filter(([name]) => name.startsWith("table "));
  return Object.fromEntries(tables.map(([name, { rows }]) => [name, rows]));
}
