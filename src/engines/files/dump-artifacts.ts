/** What a dump of a tree stores: the archive in parts, the list of them, the index. */
import { join } from "node:path";
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import type { FilesSource } from "../../policy/engines/files/source.ts";
import type { PrivateDirectory } from "../../runtime/private-directory.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import type { BackupReader } from "../backup-reader.ts";
import type { DumpArtifact, ReusedArtifact } from "../dump-session.ts";
import { findAvoided } from "./avoided.ts";
import type { ArchiveTally } from "./dump-archive.ts";
import { formatSkippedLine } from "./entry.ts";
import { displayPath, type EntryPath } from "./entry-path.ts";
import { describeCode, fileFailure } from "./failures.ts";
import { giveParts } from "./give-parts.ts";
import { createHoleBudget } from "./hole-budget.ts";
import { createIndexWriter, openSpool } from "./index-spool.ts";
import type { NoticeLog } from "./notices.ts";
import { readOwnerNames } from "./owner-names.ts";
import { type KnownParts, openPartList, type PartRecord, partsName, readKnownParts } from "./part-list.ts";
import type { Selection } from "./patterns.ts";
import { indexName } from "./read-archive.ts";
import type { SourceRoot } from "./source-root.ts";
import { type Omission, type WalkedEntry, walkTree } from "./walk-tree.ts";

/** What a dump works on. */
export interface Dump {
  readonly backupId: string;
  readonly source: FilesSource;
  readonly context: RunContext;
  readonly root: SourceRoot;
  readonly selection: Selection;
  readonly directory: PrivateDirectory;
  readonly notices: NoticeLog;
  readonly tally: ArchiveTally;
  readonly startedAtMs: number;
  /** The newest ctime that the walk met. */
  newestChangeNs: bigint;
}

/**
 * The parts of the archive, their list, and the index. `archived` is settled once the tree was
 * read, or cannot be. Rejects with what ended the walk.
 */
export async function* giveArtifacts(
  dump: Dump,
  base: BackupReader | undefined,
  archived: PromiseWithResolvers<void>,
): AsyncGenerator<DumpArtifact | ReusedArtifact> {
  const spool = join(dump.directory.path, "index.jsonl.zst");
  const parts: PartRecord[] = [];
  try {
    const whole = yield* readTree(dump, spool, await findKnownParts(dump, base), parts);
    if (!whole) throw new HoldfastError("Interrupted", `the backup of ${dump.source.path} was ended before the tree was read`);
    archived.resolve();
  } catch (error) {
    archived.reject(error);
    throw error;
  }
  yield { name: partsName, role: "parts", format: "jsonl", compress: true, body: openPartList(parts) };
  yield { name: indexName, role: "index", format: "jsonl", compress: true, body: openSpool(spool) };
}

/** A base that cannot be read is a reason to store everything, not to store nothing. */
async function findKnownParts({ notices }: Dump, base: BackupReader | undefined): Promise<KnownParts> {
  try {
    return await readKnownParts(base);
  } catch (error) {
    if (base === undefined || !isHoldfastError(error, "ArtifactDamaged", "ArtifactMissing", "SealInvalid", "ContentInvalid"))
      throw error;
    notices.add(
      "base-unreadable",
      base.backupId,
      `nothing was reused of ${base.backupId}, whose list of parts cannot be read: ${error.message}`,
    );
    return readKnownParts(undefined);
  }
}

async function* readTree(
  dump: Dump,
  spool: string,
  known: KnownParts,
  parts: PartRecord[],
): AsyncGenerator<DumpArtifact | ReusedArtifact, boolean> {
  const { root, selection, notices, tally, context } = dump;
  const index = createIndexWriter(spool);
  const pending: (Promise<void> | undefined)[] = [];
  const walk = walkTree(root.path, root.stats, {
    selection,
    signal: context.signal,
    avoid: await findAvoided(context.ownPaths?.vaults ?? [], dump.directory.path),
    noteVault(path) {
      const name = displayPath(path);
      notices.add(
        "foreign-vault",
        name,
        `${name} looks like a vault, but not one of this policy: it is backed up like any directory`,
      );
    },
    omit: (path, omission, code) => pending.push(noteOmission(dump, index.add, path, omission, code)),
    observe(stats) {
      if (stats.ctimeNs > dump.newestChangeNs) dump.newestChangeNs = stats.ctimeNs;
    },
  });
  const owners = await readOwnerNames();
  const archive = giveParts({
    known,
    parts,
    nameOf: namesFor(dump.backupId, known),
    holes: createHoleBudget(dump.source.maxHoleBytes),
    walk: explainWalk(dump, walk),
    owners,
    notices,
    tally,
    addLine: index.add,
  });
  try {
    for (let next = await archive.next(); ; next = await archive.next()) {
      await Promise.all(pending.splice(0));
      if (next.done !== true) yield next.value;
      else if (next.value) break;
      else return false;
    }
  } finally {
    await archive.return(false);
    // Also after a failure: the spool's file must be closed before its directory goes.
    await Promise.all(pending);
    await index.finish();
  }
  for (const { list, pattern } of selection.unused()) {
    notices.add("pattern-unused", pattern, `the ${list} pattern ${JSON.stringify(pattern)} matches nothing in ${dump.source.path}`);
  }
  return true;
}

/**
 * Names that no part of the base has, which keep theirs: the random end of the backup's id tells
 * them apart, and a letter more where it was drawn twice.
 */
function namesFor(backupId: string, known: KnownParts): (number: number) => string {
  let stem = `files-${backupId.slice(-6)}`;
  while (known.hasName(`${stem}-`)) stem += "x";
  return (number) => `${stem}-${String(number + 1).padStart(5, "0")}.tar`;
}

/**
 * Of system calls' errors only that of listing the root ends a walk: it was unmounted or removed
 * under the dump.
 */
async function* explainWalk({ context, source }: Dump, walk: AsyncGenerator<WalkedEntry>): AsyncGenerator<WalkedEntry> {
  try {
    yield* walk;
  } catch (error) {
    if (context.signal.aborted) throw error;
    throw fileFailure(error, `the directory ${source.path} can no longer be read`, "SourceUnreachable");
  }
}

function noteOmission(
  { notices, tally }: Dump,
  addLine: (line: string) => Promise<void> | undefined,
  path: EntryPath,
  omission: Omission,
  code = "",
): Promise<void> | undefined {
  const name = displayPath(path);
  const [noticeCode, text] = omissionWords[omission];
  if (omission === "vanished" || (code !== "" && !["EACCES", "EPERM", "ENAMETOOLONG"].includes(code))) tally.unsteady = true;
  tally.leftOut++;
  notices.add(noticeCode, name, `${name} ${text}${code === "" || omission === "vanished" ? "" : `: ${describeCode(code)}`}`);
  return addLine(formatSkippedLine(path, omission));
}

const omissionWords: Readonly<Record<Omission, readonly [code: string, text: string]>> = {
  vanished: ["file-vanished", "vanished before it could be read; it is not in this backup"],
  unreadable: ["file-unreadable", "cannot be looked at, and is not in this backup"],
  unlisted: ["directory-unreadable", "cannot be listed, and what it holds is not in this backup"],
  vault: ["vault-skipped", "is a vault of this policy, and is not in this backup"],
  private: ["private-directory-skipped", "is this backup's own temporary directory, and is not in it"],
};
