/**
 * What the policy says comes and goes, or is left out: groups of files that nothing is concluded
 * from.
 */
import type { FilesSource } from "../../policy/engines/files/source.ts";
import { anyNumber, matchSequence } from "../../runtime/match-sequence.ts";

/** Whether a group is named by `verify.volatile`, or left out by `exclude`. */
export function compileVolatileParts({ verify, exclude }: Pick<FilesSource, "verify" | "exclude">): (object: string) => boolean {
  return compileParts([...verify.volatile, ...exclude]);
}

/** A directory is meant by a pattern for itself or for all that it holds; a type by `*.tmp`. */
function compileParts(patterns: readonly string[]): (object: string) => boolean {
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
    // A bucket of many directories is not meant by a pattern for one.
    if (!object.startsWith("directory ")) return false;
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
