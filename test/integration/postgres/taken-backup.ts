/**
 * What the proof's tests share: a real dump in a directory, read back as the pipeline's reader
 * would.
 */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import type { BackupReader, Facts } from "../../../src/engines/backup-reader.ts";
import type { PostgresBackup, PostgresFacts } from "../../../src/engines/postgres/backup-facts.ts";
import type { PostgresSource } from "../../../src/policy/engines/postgres/source.ts";
import type { RunContext } from "../../../src/runtime/run-context.ts";
import type { PostgresServer } from "../../support/postgres-server.ts";
import { dumpTo, makeContext, makeSource } from "./dump-context.ts";

export interface TakenBackup {
  readonly backup: PostgresBackup;
  readonly archive: string;
  readonly source: PostgresSource;
  readonly context: RunContext;
}

/** A reader over an archive on disk and globals as text. */
export async function readerOf(
  archive: string,
  globals: string,
  facts: Facts,
  sourceCheck: BackupReader["sourceCheck"] = { mode: "none", objects: {} },
): Promise<PostgresBackup> {
  const { size } = await stat(archive);
  return {
    backupId: "20261120T020000Z-full-abcdef",
    source: "shop",
    kind: "full",
    coverage: { to: { at: "2026-11-20T02:00:00.000Z" } },
    // Tests change them as they like, as nobody else can: they are parsed before an engine sees
    // them.
    facts: facts as PostgresFacts,
    sourceCheck,
    artifacts: [
      { name: "archive.dump", role: "archive", format: "pg_dump-custom", plainBytes: size },
      { name: "globals.sql", role: "globals", format: "sql", plainBytes: Buffer.byteLength(globals) },
    ],
    open: async (name) => (name === "archive.dump" ? createReadStream(archive) : Readable.from([Buffer.from(globals)])),
  };
}

/** Dumps a database of the server into `directory`. */
export async function takeBackup(
  server: PostgresServer,
  database: string,
  directory: string,
  options: Partial<PostgresSource> & { readonly binDirs?: readonly string[] } = {},
): Promise<TakenBackup> {
  const { binDirs = [server.binDir], ...sourceOptions } = options;
  const context = makeContext(binDirs, { SHOP_DB: server.urlOf(database), PATH: "" });
  const source = makeSource(sourceOptions);
  const dump = await dumpTo(directory, source, context);
  return { backup: await readerOf(dump.archive, dump.globals, dump.facts, dump.check), archive: dump.archive, source, context };
}
