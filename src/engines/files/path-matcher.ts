/**
 * What `--only` means for files: a path below the source's, a pattern as the policy's, or an entry
 * as `holdfast diff` prints it (`file etc/nginx/nginx.conf`).
 */
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import { displayPath, type EntryPath } from "./entry-path.ts";
import { compileSelection } from "./patterns.ts";

export interface PathMatcher {
  /** Whether one of the names means this entry itself. */
  readonly judge: (path: EntryPath, isDirectory: boolean) => boolean;
  /** The names that have meant nothing so far, as they were given. */
  unmatched(): readonly string[];
}

interface Name {
  readonly text: string;
  matches(path: EntryPath, isDirectory: boolean): boolean;
  used: boolean;
}

/** A pattern that is not well-formed can still be the name of a file. */
export function createPathMatcher(only: readonly string[]): PathMatcher {
  const names = only.map(compileName);
  return {
    judge(path, isDirectory) {
      let isMeant = false;
      for (const name of names) {
        if (!name.matches(path, isDirectory)) continue;
        name.used = true;
        isMeant = true;
      }
      return isMeant;
    },
    unmatched: () => names.filter(({ used }) => !used).map(({ text }) => text),
  };
}

const printedForm = /^(?:file|directory|symlink|hardlink) (.+)$/s;

function compileName(text: string): Name {
  const literal = printedForm.exec(text)?.[1] ?? plainPath(text);
  const globs = compileGlobs(text.replace(/^(?:\.\/)+/, ""));
  return {
    text,
    matches: (path, isDirectory) => displayPath(path) === literal || globs(path, isDirectory),
    used: false,
  };
}

/** As a shell completes it: `./etc/nginx/` is `etc/nginx`. */
export function plainPath(text: string): string {
  return text.replace(/^(?:\.?\/)+/, "").replace(/\/+$/, "");
}

function compileGlobs(pattern: string): (path: EntryPath, isDirectory: boolean) => boolean {
  try {
    const { judge } = compileSelection([pattern], []);
    return (path, isDirectory) => path !== "" && judge(path, isDirectory, false).included;
  } catch (error) {
    if (!isHoldfastError(error, "PolicyInvalid")) throw error;
    return () => false;
  }
}
