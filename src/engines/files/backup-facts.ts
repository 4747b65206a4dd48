/** What a manifest tells of the tree beside its bytes. Parsed once, when a backup is opened. */
import * as z from "zod";
import type { BackupReader } from "../backup-reader.ts";

const texts = z.array(z.string()).readonly();
const count = z.number().nonnegative();

/** `facts` in a manifest of this engine. */
export const filesFacts = z.object({
  path: z.string(),
  /** Where `path` led, when links were followed. */
  resolvedPath: z.string(),
  include: texts,
  exclude: texts,
  /** Kinds of attributes that no backup has. */
  notCaptured: texts,
  /** Of the user who read the tree; null where the system has none. */
  uid: z.number().nullable(),
  files: count,
  directories: count,
  symlinks: count,
  bytes: count,
  /** Files that changed while they were read. */
  torn: count,
  /** Entries that are not in the backup. */
  leftOut: count,
});

export type FilesFacts = Readonly<z.output<typeof filesFacts>>;

export type FilesBackup = BackupReader<FilesFacts>;
