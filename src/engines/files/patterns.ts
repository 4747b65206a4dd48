/**
 * Include and exclude patterns: globs over paths relative to the root. Their rules are
 * docs/files.md, "Patterns".
 */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { anyNumber, matchSequence } from "../../runtime/match-sequence.ts";
import { bytesOf, type EntryPath, textOf } from "./entry-path.ts";
import { compileGlob, type Glob, matchesGlob } from "./glob.ts";

/** What the patterns say of one entry. */
export interface Verdict {
  /** It belongs to the backup. */
  readonly included: boolean;
  /** A directory: something beneath it may belong to the backup, so that it has to be entered. */
  readonly enter: boolean;
}

export interface Selection {
  /**
   * Whether an entry belongs to the backup; `parentIncluded` is what this said of the directory it
   * is in.
   */
  judge(path: EntryPath, isDirectory: boolean, parentIncluded: boolean): Verdict;
  /** The patterns that have matched nothing so far, with the list they stand in. */
  unused(): readonly { readonly list: "include" | "exclude"; readonly pattern: string }[];
}

const entirely: Verdict = { included: true, enter: true };

type Segments = readonly (Glob | typeof anyNumber)[];

/** A path's names, each as its characters. */
type Names = readonly (readonly string[])[];

interface Pattern {
  readonly text: string;
  readonly directoriesOnly: boolean;
  /** A glob for each name of the path; `anyNumber` is `**`. */
  readonly segments: Segments;
  used: boolean;
}

/**
 * Compiles a source's patterns. Errors: PolicyInvalid naming every pattern that is not well-formed.
 */
export function compileSelection(include: readonly string[], exclude: readonly string[]): Selection {
  const problems: string[] = [];
  const compile = (list: string, text: string) =>
    compilePattern(text, (problem) => problems.push(`${list} pattern ${JSON.stringify(text)} ${problem}`));
  const includes = include.map((text) => compile("include", text));
  const excludes = exclude.map((text) => compile("exclude", text));
  if (problems.length > 0) {
    throw new HoldfastError(
      "PolicyInvalid",
      problems.length === 1 ? String(problems[0]) : `${problems.length} patterns are not well-formed`,
      {
        details: problems,
        hint: 'Fix the patterns as docs/files.md, "Patterns", describes them.',
      },
    );
  }
  const everything = includes.length === 0;
  return {
    judge(path, isDirectory, parentIncluded) {
      if (everything && excludes.length === 0) return entirely;
      const names = namesOf(path);
      if (matchAny(excludes, names, isDirectory)) return { included: false, enter: false };
      if (everything) return entirely;
      const included = matchAny(includes, names, isDirectory) || parentIncluded;
      return { included, enter: included || includes.some((pattern) => mayMatchBeneath(pattern.segments, names)) };
    },
    unused: () => [
      ...includes.filter(({ used }) => !used).map(({ text }) => ({ list: "include" as const, pattern: text })),
      ...excludes.filter(({ used }) => !used).map(({ text }) => ({ list: "exclude" as const, pattern: text })),
    ],
  };
}

/**
 * Every pattern is asked, also after one that matched: a pattern counts as unused only when it
 * matches nothing at all.
 */
function matchAny(patterns: readonly Pattern[], names: Names, isDirectory: boolean): boolean {
  let matched = false;
  for (const pattern of patterns) {
    if (matched && pattern.used) continue;
    if (pattern.directoriesOnly && !isDirectory) continue;
    if (!matches(pattern.segments, names)) continue;
    pattern.used = true;
    matched = true;
  }
  return matched;
}

/**
 * The characters of each name; a byte that is not UTF-8 becomes a lone surrogate, which only
 * wildcards match.
 */
function namesOf(path: EntryPath): Names {
  return path.split("/").map((name) => {
    const text = textOf(name as EntryPath);
    if (text !== undefined) return [...text];
    return Array.from(bytesOf(name as EntryPath), (byte) => String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte));
  });
}

function matches(segments: Segments, names: Names): boolean {
  return matchSequence(segments, names.length, (glob, index) => matchesGlob(glob, names[index] ?? []));
}

/** Whether some path beneath the directory `names` could match. */
function mayMatchBeneath(segments: Segments, names: Names): boolean {
  for (const [index, name] of names.entries()) {
    const segment = segments[index];
    if (segment === anyNumber) return true;
    if (segment === undefined || !matchesGlob(segment, name)) return false;
  }
  return names.length < segments.length;
}

function compilePattern(text: string, fail: (problem: string) => void): Pattern {
  const directoriesOnly = text.endsWith("/");
  const body = text.replace(/^\//, "").replace(/\/$/, "");
  const anchored = text.startsWith("/") || body.includes("/");
  const parts = body.split("/");
  if (body === "" || parts.includes("")) fail("has an empty name");
  if (text.startsWith("!")) fail("is negated, which include and exclude have no need of; a name that begins with ! is written \\!");
  if (parts.includes("..") || parts.includes(".")) fail('holds "." or "..", which no path in the tree has');
  const segments = parts.map((part) => (part === "**" ? anyNumber : compileGlob(part, fail)));
  // A last `**` stands for everything beneath, not for the directory itself.
  if (parts.at(-1) === "**") segments.push([anyNumber]);
  return { text, directoriesOnly, segments: anchored || parts[0] === "**" ? segments : [anyNumber, ...segments], used: false };
}
