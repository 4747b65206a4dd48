/** Include and exclude patterns: globs over paths relative to the root. Their rules are docs/files.md, "Patterns". */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { bytesOf, type EntryPath, textOf } from "./entry-path.ts";

/** What the patterns say of one entry. */
export interface Verdict {
  /** It belongs to the backup. */
  readonly included: boolean;
  /** A directory: something beneath it may belong to the backup, so that it has to be entered. */
  readonly enter: boolean;
}

export interface Selection {
  /** Whether an entry belongs to the backup; `parentIncluded` is what this said of the directory it is in. */
  judge(path: EntryPath, isDirectory: boolean, parentIncluded: boolean): Verdict;
  /** The patterns that have matched nothing so far, with the list they stand in. */
  unused(): readonly { readonly list: "include" | "exclude"; readonly pattern: string }[];
}

const wholly: Verdict = { included: true, enter: true };

interface Pattern {
  readonly text: string;
  readonly directoriesOnly: boolean;
  /** `null` stands for `**`. */
  readonly segments: readonly (RegExp | null)[];
  used: boolean;
}

/** Compiles a source's patterns. Errors: PolicyInvalid naming every pattern that is not well-formed. */
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
        hint: 'Mend the patterns as docs/files.md, "Patterns", describes them.',
      },
    );
  }
  const everything = includes.length === 0;
  return {
    judge(path, isDirectory, parentIncluded) {
      if (everything && excludes.length === 0) return wholly;
      const names = namesOf(path);
      if (matchAny(excludes, names, isDirectory)) return { included: false, enter: false };
      if (everything) return wholly;
      const included = matchAny(includes, names, isDirectory) || parentIncluded;
      return { included, enter: included || includes.some((pattern) => mayMatchBeneath(pattern.segments, names, 0, 0)) };
    },
    unused: () => [
      ...includes.filter(({ used }) => !used).map(({ text }) => ({ list: "include" as const, pattern: text })),
      ...excludes.filter(({ used }) => !used).map(({ text }) => ({ list: "exclude" as const, pattern: text })),
    ],
  };
}

/** Every pattern is asked, also after one that matched: a pattern counts as unused only when it matches nothing at all. */
function matchAny(patterns: readonly Pattern[], names: readonly string[], isDirectory: boolean): boolean {
  let matched = false;
  for (const pattern of patterns) {
    if (matched && pattern.used) continue;
    if (pattern.directoriesOnly && !isDirectory) continue;
    if (!matches(pattern.segments, names, 0, 0)) continue;
    pattern.used = true;
    matched = true;
  }
  return matched;
}

/** Names as text for the patterns; bytes that are no UTF-8 become lone surrogates, which only wildcards match. */
function namesOf(path: EntryPath): string[] {
  return path.split("/").map((name) => {
    const text = textOf(name as EntryPath);
    if (text !== undefined) return text;
    return bytesOf(name as EntryPath).reduce(
      (result, byte) => result + (byte < 0x80 ? String.fromCharCode(byte) : String.fromCharCode(0xdc00 + byte)),
      "",
    );
  });
}

function matches(segments: readonly (RegExp | null)[], names: readonly string[], s: number, n: number): boolean {
  if (s === segments.length) return n === names.length;
  const segment = segments[s];
  if (segment === null) {
    // A last `**` stands for everything beneath, not for the directory itself.
    if (s === segments.length - 1) return n < names.length;
    for (let skip = n; skip <= names.length; skip++) if (matches(segments, names, s + 1, skip)) return true;
    return false;
  }
  return n < names.length && segment !== undefined && segment.test(names[n] ?? "") && matches(segments, names, s + 1, n + 1);
}

/** Whether some path beneath the directory `names` could match. */
function mayMatchBeneath(segments: readonly (RegExp | null)[], names: readonly string[], s: number, n: number): boolean {
  if (n === names.length) return s < segments.length;
  const segment = segments[s];
  if (segment === null) return true;
  return segment?.test(names[n] ?? "") === true && mayMatchBeneath(segments, names, s + 1, n + 1);
}

function compilePattern(text: string, fail: (problem: string) => void): Pattern {
  const directoriesOnly = text.endsWith("/");
  const body = text.replace(/^\//, "").replace(/\/$/, "");
  const anchored = text.startsWith("/") || body.includes("/");
  const parts = body.split("/");
  if (body === "" || parts.includes("")) fail("has an empty name");
  if (text.startsWith("!")) fail("is negated, which include and exclude have no need of; a name that begins with ! is written \\!");
  if (parts.includes("..") || parts.includes(".")) fail('holds "." or "..", which no path in the tree has');
  const segments = parts.map((part) => (part === "**" ? null : compileSegment(part, fail)));
  return { text, directoriesOnly, segments: anchored || segments[0] === null ? segments : [null, ...segments], used: false };
}

function compileSegment(glob: string, fail: (problem: string) => void): RegExp {
  let source = "";
  const tokens = /\\(?<escaped>.?)|(?<stars>\*+)|(?<any>\?)|\[(?<not>[!^]?)(?<set>\]?(?:\\.|[^\]\\])*)(?<close>\]?)|(?<plain>.)/gsu;
  for (const { groups = {} } of glob.matchAll(tokens)) {
    if (groups["escaped"] !== undefined) {
      if (groups["escaped"] === "") fail("ends with a lone backslash");
      source += escapeText(groups["escaped"]);
    } else if (groups["stars"] !== undefined) {
      if (groups["stars"].length > 1) fail("has ** beside other characters; it stands alone between slashes");
      source += ".*";
    } else if (groups["any"] !== undefined) {
      source += ".";
    } else if (groups["set"] !== undefined) {
      if (groups["close"] !== "]" || groups["set"] === "") fail("has a [ that is not closed; a name with a bracket is written \\[");
      source += compileSet(groups["set"], groups["not"] !== "", fail);
    } else {
      source += escapeText(groups["plain"] ?? "");
    }
  }
  return new RegExp(`^${source}$`, "su");
}

function compileSet(set: string, negated: boolean, fail: (problem: string) => void): string {
  const members = set.replace(
    /\\(.)|([\\\]^])/gsu,
    (_, escaped: string | undefined, plain: string | undefined) => `\\u{${(escaped ?? plain ?? "").codePointAt(0)?.toString(16)}}`,
  );
  const source = `[${negated ? "^" : ""}${members.replaceAll("[", "\\[")}]`;
  try {
    new RegExp(source, "u");
  } catch {
    fail("has a range in brackets that runs backwards");
    return ".";
  }
  return source;
}

function escapeText(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
