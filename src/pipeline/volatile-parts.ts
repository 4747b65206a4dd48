/** What the policy says comes and goes, or is left out: parts of a backup that nothing is concluded from. */
import { compileTablePattern } from "../engines/postgres/exclusions.ts";
import { readIdentifiers } from "../engines/postgres/script-identifiers.ts";
import type { SourceConfig } from "../policy/policy.ts";
import { anyNumber, matchSequence } from "../runtime/match-sequence.ts";

/** Whether a part (content-figures.ts) is named by `verify.volatile`, or left out by `exclude`. A source that left the policy names nothing. */
export function compileVolatile(source: SourceConfig | undefined): (object: string) => boolean {
  if (source === undefined) return () => false;
  const { volatile } = source.verify;
  if (source.engine === "files") return compileFileParts([...volatile, ...source.exclude]);
  const matchers = [...volatile, ...source.exclude.tables, ...source.exclude.data].map(compileTablePattern);
  return (object) => {
    if (!object.startsWith("table ")) return false;
    const [schema = "", name = ""] = readIdentifiers(object, ".", "table ".length).names;
    return matchers.some((matches) => matches({ schema, name }));
  };
}

/** A directory is meant by a pattern for itself or for all that it holds; a type by `*.tmp`. */
function compileFileParts(patterns: readonly string[]): (object: string) => boolean {
  const paths = patterns.map((pattern) =>
    pattern
      .replace(/^\//, "")
      .replace(/\/?(?:\*\*)?\/?$/, "")
      .split("/"),
  );
  const types = new Set(
    patterns.flatMap((pattern) => /^(?:\*\*\/)?\*\.([A-Za-z0-9]{1,10})$/.exec(pattern)?.[1]?.toLowerCase() ?? []),
  );
  return (object) => {
    if (object.startsWith("type ")) return types.has(object.slice("type ".length));
    const names = object.slice("directory ".length).split("/");
    return paths.some((parts) =>
      matchSequence(
        parts.map((part) => (part === "**" ? anyNumber : part)),
        names.length,
        (part, index) => matchesName(part, names[index] ?? ""),
      ),
    );
  };
}

function matchesName(pattern: string, name: string): boolean {
  const parts = [...pattern].map((character) => (character === "*" ? anyNumber : character));
  const characters = [...name];
  return matchSequence<string>(parts, characters.length, (part, index) => part === "?" || part === characters[index]);
}
