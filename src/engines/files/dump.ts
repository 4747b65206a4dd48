/**
 * A running backup of a tree: its archive in parts, the lists of parts and entries, and the
 * source's count of itself beside these.
 */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { FilesSource } from "../../policy/engines/files/source.ts";
import type { SourceCheckResult } from "../../proof/content.ts";
import { makePrivateDirectory } from "../../runtime/private-directory.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import type { DumpRequest, DumpSession } from "../dump-session.ts";
import { findAvoided } from "./avoided.ts";
import type { FilesFacts } from "./backup-facts.ts";
import { countTree, type TreeCount } from "./count-tree.ts";
import type { ArchiveTally } from "./dump-archive.ts";
import { type Dump, giveArtifacts } from "./dump-artifacts.ts";
import { displayPath } from "./entry-path.ts";
import { fileFailure } from "./failures.ts";
import { createNoticeLog } from "./notices.ts";
import { compileSelection } from "./patterns.ts";
import { findSourceRoot } from "./source-root.ts";

/** Small parts are stored in a request or two each, which costs more time than their bytes. */
const parallelArtifacts = 4;

/**
 * Opens a backup of a tree, which names the parts of `reusable` that are the same. Nothing is read
 * before the artifacts are; the consistency point is now, the start. Needs temporary disk for the
 * index: less than 100 bytes an entry.
 * Errors: SourceUnreachable, SourceAccessDenied, SourceUnsupported, PolicyInvalid (a pattern),
 * DiskFull, UsageInvalid (the temporary directory).
 */
export async function openDump(
  source: FilesSource,
  { backupId, reusable }: DumpRequest<FilesFacts>,
  context: RunContext,
): Promise<DumpSession<FilesFacts>> {
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
    backupId,
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
    parallel: parallelArtifacts,
    artifacts: () => giveArtifacts(dump, reusable, archived),
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
    `${source.path} changed during the backup: its own counts cannot be compared with the backup`,
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
