/**
 * A directory that a backup is extracted into and compared in: what a throwaway and a restore's
 * target have in common.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ErrorName } from "../../errors/catalogue.ts";
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import type { Comparison, ContentDigest, LoadFinding } from "../../proof/content.ts";
import { makePrivateDirectory, type PrivateDirectory } from "../../runtime/private-directory.ts";
import { removeWhenGone, type Supervisor } from "../../runtime/remove-when-gone.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import type { BackupReader } from "../backup-reader.ts";
import type { Place } from "../place.ts";
import { onlyChosen } from "./chosen-entries.ts";
import { compareTree } from "./compare.ts";
import { compareCounts } from "./digest.ts";
import { bytesOf, displayPath, joinEntry } from "./entry-path.ts";
import { erasePaths } from "./erase-paths.ts";
import { type Extraction, extractArchive, type Identity, ownIdentity } from "./extract.ts";
import { fileFailure } from "./failures.ts";
import { chooseOperations } from "./file-operations.ts";
import { readIndex, spoolIndex } from "./index-spool.ts";
import { createKeptTimes, describeTime, type KeptTimes } from "./kept-times.ts";
import { openUpTree } from "./open-up-tree.ts";
import { indexName, readArchive } from "./read-archive.ts";
import { chooseEntries, selectionFindings } from "./read-selection.ts";
import type { FilesSelection } from "./select-entries.ts";
import { withShortPath } from "./short-path.ts";

export interface PlaceOptions {
  readonly backup: BackupReader;
  readonly context: RunContext;
  /** Private; the tree stands in it as `tree`. Removed by `close`. */
  readonly directory: PrivateDirectory;
  /**
   * How much it matters that the file system cannot hold some entry's time: a proof lacks it, a
   * restore is what the user asked for.
   */
  readonly unheldTimes: "lacking" | "benign";
  /** What a failing system call is called: it says nothing about the backup. */
  readonly failure: ErrorName;
  readonly facts: Readonly<Record<string, unknown>>;
  /** Whether entries are given to their owners, where this process may. Default: they are. */
  readonly keepOwners?: boolean;
  /** Gets the path of the loaded tree. */
  commit(tree: string): Promise<void>;
  /** Gets the path of a tree that differs from the backup; gives where it is kept. */
  keepBeside?(tree: string): Promise<string>;
  /** Only what these names mean is extracted and compared; absent: everything. */
  readonly only?: readonly string[] | undefined;
  /** Whether people may look into it: a throwaway. */
  readonly throwaway?: boolean;
}

/** Makes the place; nothing is read before `load`. */
export function createPlace(options: PlaceOptions): Place {
  const { backup, context, directory, failure, only } = options;
  const tree = join(directory.path, "tree");
  // Of nobody: then nothing is given away, and no set-user-id bit is set.
  const identity = options.keepOwners === false ? { uid: -1, gid: -1 } : ownIdentity();
  const times = createKeptTimes(join(directory.path, "time"));
  let spooled: PrivateDirectory | undefined;
  let extraction: Extraction | undefined;
  let comparison: Comparison | undefined;
  let supervisor: Supervisor | undefined;
  let selection: FilesSelection | undefined;

  const countChosen = ({ objectCount }: ContentDigest) => ({ objects: selection?.digest.objectCount ?? 0, of: objectCount });

  async function load() {
    spooled = await makePrivateDirectory(context.temporaryDirectory, "holdfast-files-");
    try {
      await mkdir(tree, { mode: 0o700 });
      const spool = spoolPath(spooled);
      await spoolIndex(await backup.open(indexName), spool);
      ({ selection, extraction } = await extractChosen(options, { tree, spool, identity, times }));
      return { findings: [...selectionFindings(selection), ...describeExtraction(extraction, options)] };
    } catch (error) {
      if (isHoldfastError(error, "ContentInvalid")) return { findings: [damage(error)] };
      if (error instanceof HoldfastError || context.signal.aborted) throw error;
      throw fileFailure(error, `cannot extract into ${tree}`, failure);
    }
  }

  return {
    ...(only === undefined ? {} : { selection: { only, count: countChosen } }),
    facts: options.facts,
    load,
    async compare(digest): Promise<Comparison> {
      if (spooled === undefined || extraction === undefined) return notLoaded;
      const withOwners = identity.uid === 0 && extraction.refusedOwners === 0;
      const compared = { identity, withOwners, times, signal: context.signal };
      const expected = selection ?? { spool: spoolPath(spooled), digest };
      comparison = await withShortPath(tree, (root) => compareTree({ root, ...expected, ...compared }));
      if (selection !== undefined) comparison = heldToWhole(comparison, selection.whole, digest);
      return comparison;
    },
    async compareSourceCheck(check): Promise<Comparison> {
      if (check.mode === "none") return compareCounts({ files: 0, entries: 0 }, check);
      // What compare() met in the tree; entries that are missing or too much it has told already.
      if (comparison === undefined) return notLoaded;
      return compareCounts({ files: comparison.rowsCompared, entries: comparison.objectsCompared }, check);
    },
    assert: async () => [],
    erase: (targets, older) => withShortPath(tree, (root) => erasePaths(root, targets, older, context.signal)),
    ...(options.throwaway === true
      ? {
          async openToPeople() {
            supervisor ??= await removeWhenGone(directory.path);
            return [tree];
          },
        }
      : {}),
    keepBeside: async () => options.keepBeside?.(tree),
    commit: () => options.commit(tree),
    close: () => closePlace(directory, spooled, supervisor),
  };
}

async function closePlace(directory: PrivateDirectory, spooled?: PrivateDirectory, supervisor?: Supervisor): Promise<void> {
  await spooled?.remove();
  await removeDirectory(directory);
  await supervisor?.dismiss();
}

interface Extracting {
  readonly tree: string;
  readonly spool: string;
  readonly identity: Identity;
  readonly times: KeptTimes;
}

/** Extracts what was asked for. Errors: SelectionNotFound, and those of extractArchive. */
async function extractChosen({ backup, context, only, failure }: PlaceOptions, { tree, spool, identity, times }: Extracting) {
  const operations = await chooseOperations(Buffer.from(tree));
  const selection = only && (await chooseEntries(spool, only, context.signal));
  const archive = readArchive(backup, spool, context.signal);
  const entries = selection === undefined ? archive : onlyChosen(archive, readIndex(selection.spool));
  const extraction = await withShortPath(tree, (root) => extractArchive(entries, { root, operations, identity, times, failure }));
  return { selection, extraction };
}

/** What was chosen was chosen from the index that the backup's digest was made from. */
function heldToWhole(comparison: Comparison, whole: ContentDigest, digest: ContentDigest): Comparison {
  if (whole.sha256 === digest.sha256 && whole.algorithm === digest.algorithm) return comparison;
  const { differenceCount, differences } = comparison;
  const problem = "is not the index that the backup's digest was made from";
  const all = [...differences, { object: "index.jsonl", problem }];
  return { ...comparison, equal: false, differenceCount: differenceCount + 1, differences: all };
}

function spoolPath(directory: PrivateDirectory): string {
  return join(directory.path, "index.jsonl.zst");
}

const notLoaded: Comparison = {
  equal: false,
  objectsCompared: 0,
  rowsCompared: 0,
  bytesCompared: 0,
  differenceCount: 1,
  differences: [{ object: "tree", problem: "the backup was not loaded whole, or not compared: nothing can be said of it" }],
};

function damage(error: HoldfastError): LoadFinding {
  return { class: "damage", subject: "archive", message: error.message };
}

function describeExtraction(
  extraction: Extraction,
  { unheldTimes: unheldClass, keepOwners }: Pick<PlaceOptions, "unheldTimes" | "keepOwners">,
): LoadFinding[] {
  const { foreignOwners, refusedOwners, unheldTimes, firstUnheld } = extraction;
  const findings: LoadFinding[] = [];
  if (foreignOwners > 0) {
    const message =
      keepOwners === false
        ? `ownership not restored, as was asked for: all ${foreignOwners} entries belong to this user, without setuid and setgid bits`
        : `ownership not restored: ${foreignOwners} entries had other owners, and only root can restore that; they now belong to this user, without setuid and setgid bits`;
    findings.push({ class: "benign", subject: "owners", message });
  }
  if (refusedOwners > 0) {
    findings.push({
      class: "lacking",
      subject: "owners",
      message: `this machine refused to set the owners of ${refusedOwners} entries although it was asked as root`,
    });
  }
  if (firstUnheld !== undefined) {
    const first = `${displayPath(firstUnheld.path)}, of ${describeTime(firstUnheld.mtimeNs)}`;
    const message = `the file system cannot hold the modification times of ${unheldTimes} entries (the first is ${first}), which have the nearest that it keeps`;
    findings.push({ class: unheldClass, subject: "times", message });
  }
  return findings;
}

/**
 * `remove` opens up directories without rights, but knows them by text and by whole paths; names
 * that are no text, and paths that are too long, are removed here. A tree that was renamed to its
 * target is no longer in the directory.
 */
async function removeDirectory(directory: PrivateDirectory): Promise<void> {
  await withShortPath(directory.path, async (root) => {
    const tree = joinEntry(root, "tree");
    await openUpTree(tree);
    await rm(bytesOf(tree), { recursive: true, force: true });
  }).catch(() => undefined);
  if (await directory.remove()) return;
  await rm(Buffer.from(directory.path), { recursive: true, force: true }).catch(() => undefined);
}
