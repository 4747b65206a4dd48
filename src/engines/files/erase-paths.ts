/**
 * Takes erased files out of a restored tree: by the rules of a source's `exclude`, and without a
 * trace in the times of the directories that they stood in (docs/erasures.md).
 */
import { lstat, rm } from "node:fs/promises";
import {
  type ErasureOutcome,
  type ErasureTarget,
  noErasures,
  pathsObject as object,
  type PathErasure,
} from "../../proof/erasure.ts";
import { errorCode } from "../../runtime/error-code.ts";
import { formatTime } from "./entry.ts";
import { bytesOf, type EntryPath, joinEntry, locate, parentOf, rootEntry } from "./entry-path.ts";
import { chooseOperations, type FileOperations } from "./file-operations.ts";
import { openUpTree } from "./open-up-tree.ts";
import { compileSelection, type Selection } from "./patterns.ts";
import { walkTree } from "./walk-tree.ts";

/** `root` is the tree's path. Errors: the system's. */
export async function erasePaths(
  root: EntryPath,
  targets: readonly ErasureTarget[],
  older: readonly ErasureTarget[],
  signal: AbortSignal,
): Promise<ErasureOutcome> {
  const isPath = (target: ErasureTarget): target is PathErasure => "path" in target;
  const [wanted, looked] = [targets.filter(isPath).map(compile), older.filter(isPath).map(compile)];
  const rows = targets.length - wanted.length;
  const notApplicable = rows === 0 ? [] : [{ object: "rows", count: rows, reason: "the backup is of files" }];
  const found = await findPaths(root, wanted, looked, signal);
  let erased = 0;
  const operations = await chooseOperations(locate(root, rootEntry));
  for (const path of found.wanted) {
    try {
      await removeEntry(root, path, operations);
      erased += 1;
    } catch (error) {
      // What stays is counted below, and refuses the restore.
      if (!["EACCES", "EPERM"].includes(errorCode(error) ?? "")) throw error;
    }
  }
  const left = (await findPaths(root, wanted, [], signal)).wanted.length;
  const notFound = wanted.filter((selection) => selection.unused().length > 0).length;
  return {
    ...noErasures,
    objects: wanted.length === 0 ? [] : [{ object, erased, notFound }],
    notApplicable,
    refused: left === 0 ? [] : [{ object, count: left, reason: "they are still there after they were removed" }],
    stillThere: found.looked === 0 ? [] : [{ object, found: found.looked }],
  };
}

/** Errors: PolicyInvalid, for a pattern that is none: it was refused when it was recorded. */
function compile({ path }: PathErasure): Selection {
  return compileSelection([], [path]);
}

const matches = (selections: readonly Selection[], path: EntryPath, isDirectory: boolean): boolean =>
  selections.filter((selection) => !selection.judge(path, isDirectory, false).included).length > 0;

/** The topmost entries that are wanted, and how many others are looked for. */
async function findPaths(
  root: EntryPath,
  wanted: readonly Selection[],
  looked: readonly Selection[],
  signal: AbortSignal,
): Promise<{ readonly wanted: readonly EntryPath[]; readonly looked: number }> {
  const paths: EntryPath[] = [];
  let others = 0;
  const rootStats = await lstat(locate(root, rootEntry), { bigint: true });
  const options = { selection: compileSelection([], []), signal, omit: () => undefined, openUp: true };
  for await (const { path, stats } of walkTree(root, rootStats, options)) {
    if (path === rootEntry) continue;
    const above = paths.at(-1);
    if (above !== undefined && path.startsWith(`${above}/`)) continue;
    if (matches(wanted, path, stats.isDirectory())) paths.push(path);
    else if (matches(looked, path, stats.isDirectory())) others += 1;
  }
  return { wanted: paths, looked: others };
}

/** The directory that it stood in gets its time and its mode back. */
async function removeEntry(root: EntryPath, path: EntryPath, operations: FileOperations): Promise<void> {
  const parent = locate(root, parentOf(path));
  const { mode, mtimeNs } = await lstat(parent, { bigint: true });
  const bits = Number(mode & 0o7777n);
  const isOpen = (bits & 0o300) === 0o300;
  if (!isOpen) await operations.setMode(parent, bits | 0o300);
  const whole = joinEntry(root, path);
  if ((await lstat(bytesOf(whole))).isDirectory()) await openUpTree(whole);
  await rm(bytesOf(whole), { recursive: true, force: true });
  if (!isOpen) await operations.setMode(parent, bits);
  await operations.setTime(parent, formatTime(mtimeNs));
}
