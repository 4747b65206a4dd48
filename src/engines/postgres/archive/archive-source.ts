/**
 * The archive on its way into pg_restore: from a private copy on disk, which parallel restores
 * need, or streamed from the vault.
 */
import { createWriteStream } from "node:fs";
import { chmod, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { BackupReader } from "../../backup-reader.ts";
import type { PostgresBackup } from "../backup-facts.ts";
import { archiveName } from "../dump/dump.ts";
import { readGlobals } from "../dump/globals-text.ts";

/** Where an archive is read from; `open` may be called again and again. */
export type ArchiveSource =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "stream"; readonly open: () => Promise<Readable> };

/** Bytes that an unprivileged process can still write to the file system of `path`. */
export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

/** The backup's archive. Errors: ContentInvalid when the backup has none. */
export function findArchive(backup: BackupReader): BackupReader["artifacts"][number] {
  const archive = backup.artifacts.find(({ name }) => name === archiveName);
  if (archive !== undefined) return archive;
  throw new HoldfastError("ContentInvalid", `backup ${backup.backupId} has no ${archiveName}`);
}

/**
 * Bytes that a copy of the archive takes on disk, at most: one that sealing compressed is larger
 * outside of the seal, and then no larger than the database, whose rows it holds as text without
 * indexes.
 */
export function archiveBytesOnDisk(backup: PostgresBackup): number {
  const { plainBytes } = findArchive(backup);
  const { archiveCompression, databaseSizeBytes } = backup.facts;
  return archiveCompression === "none" ? Math.max(plainBytes, databaseSizeBytes) : plainBytes;
}

/** The archive straight from the vault. */
export function streamArchive(backup: BackupReader): ArchiveSource {
  const { name } = findArchive(backup);
  return { kind: "stream", open: () => backup.open(name) };
}

/**
 * Copies the archive into `directory`, readable by its owner only.
 * Errors: DiskFull, and whatever the reader throws.
 */
export async function fetchArchive(backup: BackupReader, directory: string, context: RunContext): Promise<ArchiveSource> {
  const { name, plainBytes } = findArchive(backup);
  const path = join(directory, archiveName);
  context.progress.phase("fetch", plainBytes);
  const body = await backup.open(name);
  try {
    // The opener of the backup counts its bytes on their way out of the vault: counted here too,
    // they would count twice.
    await pipeline(body, createWriteStream(path, { mode: 0o600, highWaterMark: 1024 * 1024 }), { signal: context.signal });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    throw new HoldfastError("DiskFull", `no room for the archive (${plainBytes} bytes) in ${directory}`, { cause: error });
  }
  await chmod(path, 0o600);
  return { kind: "file", path };
}

/** The artifact's text, for the small ones. Errors: whatever the reader throws. */
export async function readGlobalsText(backup: BackupReader, name: string): Promise<string | undefined> {
  if (!backup.artifacts.some((artifact) => artifact.name === name)) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of await backup.open(name)) chunks.push(chunk as Buffer);
  return readGlobals(Buffer.concat(chunks));
}
