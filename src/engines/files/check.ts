/**
 * What `holdfast check` says of a files source: whether the tree is there and can be read, and what
 * a backup of it would lack.
 */
import { access, constants } from "node:fs/promises";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { FilesSource } from "../../policy/engines/files/source.ts";
import { errorCode } from "../../runtime/error-code.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import type { Finding } from "../finding.ts";
import { findAvoided } from "./avoided.ts";
import { displayPath, type EntryPath } from "./entry-path.ts";
import { ownIdentity } from "./extract.ts";
import { compileSelection, type Selection } from "./patterns.ts";
import { findSourceRoot, type SourceRoot } from "./source-root.ts";
import { walkTree } from "./walk-tree.ts";

/**
 * A check answers while a person waits: it looks at so many entries at most, which takes some
 * tenths of a second on a local disk.
 */
const defaultMostEntries = 20_000;
/** Unreadable entries named. */
const maxNamed = 5;

interface Survey {
  entries: number;
  /** Every entry was looked at. */
  whole: boolean;
  unreadable: number;
  readonly named: string[];
  foreignOwners: number;
  special: number;
}

/** Finds what a user can fix; rejects only when aborted. */
export async function checkSource(
  source: FilesSource,
  context: RunContext,
  mostEntries: number = defaultMostEntries,
): Promise<readonly Finding[]> {
  let selection: Selection;
  let root: SourceRoot;
  try {
    selection = compileSelection(source.include, source.exclude);
    root = await findSourceRoot(source.path, context.ownPaths?.vaults);
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    const subject = error.name === "PolicyInvalid" ? "patterns" : "path";
    return [{ level: "error", subject, message: [error.message, ...error.details].join("; "), remedy: error.hint }];
  }
  const survey = await surveyTree(root, selection, context, mostEntries);
  return [
    describePath(source, root, survey),
    ...describeReading(survey),
    ...describePatterns(source, selection, survey),
    ...describeOwners(survey),
    await checkTemporaryDirectory(context),
  ];
}

async function surveyTree(
  root: SourceRoot,
  selection: Selection,
  { signal, ownPaths }: RunContext,
  mostEntries: number,
): Promise<Survey> {
  const survey: Survey = { entries: 0, whole: true, unreadable: 0, named: [], foreignOwners: 0, special: 0 };
  const { uid, gid } = ownIdentity();
  const noteUnreadable = (path: EntryPath) => {
    survey.unreadable++;
    if (survey.named.length < maxNamed) survey.named.push(displayPath(path));
  };
  const walk = walkTree(root.path, root.stats, {
    selection,
    signal,
    avoid: await findAvoided(ownPaths?.vaults ?? []),
    omit: (path, omission) => {
      if (omission === "unlisted" || omission === "unreadable") noteUnreadable(path);
    },
  });
  for await (const { path, location, stats } of walk) {
    if (++survey.entries > mostEntries) {
      survey.whole = false;
      break;
    }
    if (Number(stats.uid) !== uid || Number(stats.gid) !== gid) survey.foreignOwners++;
    if (stats.isFile() && !(await isReadable(location))) noteUnreadable(path);
    if (!stats.isFile() && !stats.isDirectory() && !stats.isSymbolicLink()) survey.special++;
  }
  return survey;
}

async function isReadable(path: Buffer): Promise<boolean> {
  try {
    await access(path, constants.R_OK);
    return true;
  } catch (error) {
    // Gone meanwhile is not unreadable.
    return errorCode(error) === "ENOENT";
  }
}

function describePath(source: FilesSource, root: SourceRoot, survey: Survey): Finding {
  const where = root.linked ? `${source.path}, which leads to ${displayPath(root.path)}` : source.path;
  const special = survey.special === 0 ? "" : `; sockets, pipes and devices will be left out: ${survey.special}`;
  return {
    level: "ok",
    subject: "path",
    message: survey.whole
      ? `${where} has ${survey.entries} ${survey.entries === 1 ? "entry" : "entries"}${special}`
      : `${where} has more than ${survey.entries - 1} entries; so many were looked at`,
  };
}

function describeReading(survey: Survey): Finding[] {
  if (survey.unreadable === 0) return [{ level: "ok", subject: "reading", message: "everything looked at can be read" }];
  const more = survey.unreadable > survey.named.length ? ` and ${survey.unreadable - survey.named.length} more` : "";
  return [
    {
      level: "warning",
      subject: "reading",
      message: `${survey.unreadable} entries cannot be read by this user and would be missing: ${survey.named.join(", ")}${more}`,
      remedy: "Run Holdfast as a user that may read them, or exclude them.",
    },
  ];
}

/** Only a whole look can say that a pattern matches nothing. */
function describePatterns(source: FilesSource, selection: Selection, survey: Survey): Finding[] {
  if (source.include.length + source.exclude.length === 0) return [];
  const unused = survey.whole ? selection.unused() : [];
  if (unused.length === 0) return [{ level: "ok", subject: "patterns", message: "the patterns are well-formed" }];
  return unused.map(({ list, pattern }) => ({
    level: "warning",
    subject: "patterns",
    message: `the ${list} pattern ${JSON.stringify(pattern)} matches nothing`,
    remedy: "Correct the pattern, or take it out of the policy.",
  }));
}

function describeOwners(survey: Survey): Finding[] {
  if (survey.foreignOwners === 0 || ownIdentity().uid === 0) return [];
  return [
    {
      level: "warning",
      subject: "owners",
      message: `${survey.foreignOwners} entries belong to others: their owners are backed up, but only root can restore and compare them`,
      remedy: "Run restores and restore tests as root where owners matter.",
    },
  ];
}

async function checkTemporaryDirectory({ temporaryDirectory }: RunContext): Promise<Finding> {
  try {
    await access(temporaryDirectory, constants.W_OK | constants.X_OK);
    return { level: "ok", subject: "temporary directory", message: `${temporaryDirectory} can be written to` };
  } catch (error) {
    return {
      level: "error",
      subject: "temporary directory",
      message: `${temporaryDirectory} cannot be written to (${errorCode(error)}), where the index is kept during a backup`,
      remedy: "Set TMPDIR to a directory that exists and that this user may write to.",
    };
  }
}
