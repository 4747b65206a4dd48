/**
 * A running backup of a tree: files.tar, then index.jsonl, and the source's count of itself in
 * between.
 */
import { join } from "node:path";
import { Readable } from "node:stream";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { FilesSource } from "../../policy/engines/files/source.ts";
import type { SourceCheckResult } from "../../proof/content.ts";
import { makePrivateDirectory, type PrivateDirectory } from "../../runtime/private-directory.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import type { DumpArtifact, DumpSession } from "../engine.ts";
import { findAvoided } from "./avoided.ts";
import type { FilesFacts } from "./backup-facts.ts";
import { countTree, type TreeCount } from "./count-tree.ts";
import { type ArchiveTally, writeArchive } from "./dump-archive.ts";
import { formatSkippedLine } from "./entry.ts";
import { displayPath, type EntryPath } from "./entry-path.ts";
import { describeCode, fileFailure } from "./failures.ts";
import { createHoleBudget } from "./hole-budget.ts";
import { createIndexWriter, openSpool } from "./index-spool.ts";
import { createNoticeLog, type NoticeLog } from "./notices.ts";
import { readOwnerNames } from "./owner-names.ts";
import { compileSelection, type Selection } from "./patterns.ts";
import { findSourceRoot, type SourceRoot } from "./source-root.ts";
import { type Omission, type WalkedEntry, walkTree } from "./walk-tree.ts";

/** What a dump works on. */
interface Dump {
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
 * Opens a full backup of a tree. Nothing is read before the artifacts are; the consistency point is
 * now, the start. Needs temporary disk for the index: less than 100 bytes an entry.
 * Errors: SourceUnreachable, SourceAccessDenied, SourceUnsupported, PolicyInvalid (a pattern),
 * DiskFull, UsageInvalid (the temporary directory).
 */
export async function openDump(source: FilesSource, context: RunContext): Promise<DumpSession<FilesFacts>> {
  const selection = compileSelection(source.include, source.exclude);
  const root = await findSourceRoot(source.path, context.ownPaths?.vaults);
  const startedAt = context.clock.now();
  const directory = await makePrivateDirectory(context.temporaryDirectory, "holdfast-files-");
  const tally: ArchiveTally = {
    files: 0,
    directories: 0,
    symlinks: 0,
    bytes: 0,
    torn: 0,
    leftOut: 0,
    tooSparse: 0,
    unsteady: false,
  };
  const dump: Dump = {
    source,
    context,
    root,
    selection,
    directory,
    notices: createNoticeLog(),
    tally,
    startedAtMs: startedAt.getTime(),
    newestChangeNs: 0n,
  };
  if (root.linked) {
    const resolved = displayPath(root.path);
    dump.notices.add(
      "root-is-link",
      source.path,
      `${source.path} is a symbolic link: what it leads to, ${resolved}, was backed up`,
    );
  }
  const archived = Promise.withResolvers<void>();
  // A caller that asks for the source check sees it; nobody has to ask.
  archived.promise.catch(() => undefined);
  return {
    artifacts: () => giveArtifacts(dump, archived),
    // Counting before the archive is read would count another tree than was read.
    sourceCheck: () => archived.promise.then(() => checkSource(dump)),
    async finish() {
      await archived.promise;
      return {
        coverage: { to: { at: startedAt.toISOString() } },
        facts: describeFacts(dump),
        notices: dump.notices.list(),
      };
    },
    async close() {
      archived.reject(new HoldfastError("Interrupted", `the backup of ${source.path} was ended before the tree was read`));
      await directory.remove();
    },
  };
}

function describeFacts({ source, root, tally }: Dump): FilesFacts {
  const { unsteady: _unsteady, tooSparse: _tooSparse, ...counts } = tally;
  return {
    path: source.path,
    resolvedPath: displayPath(root.path),
    include: source.include,
    exclude: source.exclude,
    /** Not readable through Node's interface (docs/files.md, "What is not captured"). */
    notCaptured: ["extended attributes", "ACLs", "file flags", "access and change times"],
    uid: process.getuid?.() ?? null,
    ...counts,
  };
}

async function* giveArtifacts(dump: Dump, archived: PromiseWithResolvers<void>): AsyncGenerator<DumpArtifact> {
  const spool = join(dump.directory.path, "index.jsonl.zst");
  let whole = false;
  const archive = async function* () {
    try {
      yield* readTree(dump, spool);
      whole = true;
      archived.resolve();
    } catch (error) {
      archived.reject(error);
      throw error;
    }
  };
  const tar = Readable.from(archive(), { objectMode: false });
  yield { name: "files.tar", role: "archive", format: "tar", compress: true, body: tar };
  if (!whole) throw new HoldfastError("Internal", "the index was asked for before files.tar had been read");
  yield { name: "index.jsonl", role: "index", format: "jsonl", compress: true, body: openSpool(spool) };
}

async function* readTree(dump: Dump, spool: string): AsyncGenerator<Buffer> {
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
  try {
    const archive = writeArchive({
      holes: createHoleBudget(dump.source.maxHoleBytes),
      walk: explainWalk(dump, walk),
      owners,
      notices,
      tally,
      addLine: index.add,
    });
    for await (const chunk of archive) {
      await Promise.all(pending.splice(0));
      yield chunk;
    }
  } finally {
    // Also after a failure: the spool's file must be closed before its directory goes.
    await Promise.all(pending);
    await index.finish();
  }
  for (const { list, pattern } of selection.unused()) {
    notices.add("pattern-unused", pattern, `the ${list} pattern ${JSON.stringify(pattern)} matches nothing in ${dump.source.path}`);
  }
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

/**
 * The tree's own count, made by another walk than the archive's. It is a check (mode `counts`) only
 * while nothing has changed since the archive's walk, which the newest ctime tells, else (mode
 * `none`) the figures are for the size's sanity only and a notice says so.
 */
async function checkSource(dump: Dump): Promise<SourceCheckResult> {
  const { root, source, context, notices } = dump;
  // Patterns of its own: those of the dump remember what they matched.
  const selection = compileSelection(source.include, source.exclude);
  let count: TreeCount;
  try {
    const avoid = await findAvoided(context.ownPaths?.vaults ?? [], dump.directory.path);
    const counted = await countTree(root.path, { selection, signal: context.signal, avoid });
    // Left out by size, which the count does not know.
    count = { ...counted, files: counted.files - dump.tally.tooSparse };
  } catch (error) {
    if (context.signal.aborted) throw error;
    throw fileFailure(error, `the directory ${source.path} cannot be counted`, "SourceUnreachable");
  }
  const objects = {
    files: { rows: count.files },
    directories: { rows: count.directories },
    symlinks: { rows: count.symlinks },
  };
  if (isComparable(count, dump)) return { mode: "counts", objects };
  notices.add(
    "source-changed",
    source.path,
    `${source.path} changed during the backup, so that its own counts cannot be compared with the backup`,
  );
  return { mode: "none", objects };
}

/**
 * File systems note changes by the kernel's tick, ten milliseconds at most, and network ones by
 * another machine's clock.
 */
const tickMs = 1_000;

/**
 * Whether the tree that was counted is the tree that was read. A change within the tick of the
 * newest one before it leaves no trace in the newest ctime: so where the figures differ and the
 * tree was still being changed when the backup began, that explains it well enough to blame nobody.
 */
export function isComparable(count: TreeCount, dump: Pick<Dump, "tally" | "newestChangeNs" | "startedAtMs">): boolean {
  const { tally, newestChangeNs, startedAtMs } = dump;
  if (tally.unsteady || count.newestChangeNs !== newestChangeNs) return false;
  const agrees = count.files === tally.files && count.directories === tally.directories && count.symlinks === tally.symlinks;
  return agrees || count.newestChangeNs < BigInt(startedAtMs - tickMs) * 1_000_000n;
}
