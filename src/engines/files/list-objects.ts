/** The entries of a files backup one by one, from its index alone: no content is read. */
import { join } from "node:path";
import type { ListedObject } from "../../proof/listed-object.ts";
import { makePrivateDirectory } from "../../runtime/private-directory.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import type { BackupReader } from "../backup-reader.ts";
import { createStructureGuard } from "./archive-structure.ts";
import { type Entry, formatTime } from "./entry.ts";
import { displayPath } from "./entry-path.ts";
import { readIndex, spoolIndex } from "./index-spool.ts";
import { indexName } from "./read-archive.ts";

/**
 * All entries in the archive's order, which is that of their sort keys: a path with its slashes as
 * NULs, which no name holds and which sort before everything else. Errors: ContentInvalid,
 * DiskFull, the reader's.
 */
export async function* listEntries(backup: BackupReader, context: RunContext): AsyncGenerator<ListedObject> {
  const directory = await makePrivateDirectory(context.temporaryDirectory, "holdfast-files-");
  try {
    const spool = join(directory.path, "index.jsonl.zst");
    await spoolIndex(await backup.open(indexName), spool);
    const guard = createStructureGuard();
    for await (const entry of readIndex(spool)) {
      context.signal.throwIfAborted();
      if (entry.type === "skipped") continue;
      // An order that is not the archive's would pair the wrong entries.
      guard.admit(entry);
      yield listedEntry(entry);
    }
  } finally {
    await directory.remove();
  }
}

function listedEntry(entry: Entry): ListedObject {
  const { path, type, size, sha256, mode, uid, gid, mtimeNs, linkTarget, hardLinkOf } = entry;
  const target = linkTarget ?? hardLinkOf;
  const attributes = [
    ...(target === undefined ? [] : [`to ${displayPath(target)}`]),
    `mode ${mode.toString(8).padStart(4, "0")}`,
    `owner ${uid}:${gid}`,
    // A directory's time changes with every name in it, which is a change of its own.
    ...(type === "directory" ? [] : [`modified ${sayTime(mtimeNs)}`]),
  ];
  const rows = type === "file" || type === "hardlink" ? 1 : undefined;
  return {
    object: `${type} ${displayPath(path)}`,
    sortKey: path.replaceAll("/", "\0"),
    rows,
    bytes: size,
    sha256: sha256 ?? "",
    attributes,
  };
}

/** Beyond this many seconds from 1970 no `Date` goes (ECMA-262, "Time Values"). */
const maxDateSeconds = 8_640_000_000_000n;

/** ISO 8601 to the nanosecond; seconds since 1970 for what no calendar date is known for. */
function sayTime(ns: bigint): string {
  const billion = 1_000_000_000n;
  const fraction = ((ns % billion) + billion) % billion;
  const seconds = (ns - fraction) / billion;
  if (seconds > maxDateSeconds || seconds < -maxDateSeconds) return `${formatTime(ns)} s after 1970`;
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, -".000Z".length);
  const digits = fraction.toString().padStart(9, "0").replace(/0+$/, "");
  return `${whole}${digits === "" ? "" : `.${digits}`}Z`;
}
