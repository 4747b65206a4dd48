/** Globs of one name: `*`, `?`, `[a-z]` (docs/files.md, "Patterns"). */
import { anyNumber, matchSequence } from "../../runtime/match-sequence.ts";

/** One character of a name. */
export type CharacterTest = (character: string) => boolean;

/** A name's glob, character by character. */
export type Glob = readonly (CharacterTest | typeof anyNumber)[];

/** Whether the glob matches a name, given as its characters. */
export function matchesGlob(glob: Glob, characters: readonly string[]): boolean {
  return matchSequence(glob, characters.length, (test, index) => test(characters[index] ?? ""));
}

/** Compiles the glob of one name; `fail` is called with every problem in it. */
export function compileGlob(text: string, fail: (problem: string) => void): Glob {
  const characters = [...text];
  const glob: (CharacterTest | typeof anyNumber)[] = [];
  for (let at = 0; at < characters.length; ) {
    const character = characters[at++] ?? "";
    if (character === "\\") {
      if (at === characters.length) fail("ends with a lone backslash");
      glob.push(equals(characters[at++] ?? ""));
    } else if (character === "*") {
      if (characters[at] === "*") fail("has ** beside other characters; it stands alone between slashes");
      while (characters[at] === "*") at++;
      glob.push(anyNumber);
    } else if (character === "?") {
      glob.push(() => true);
    } else if (character === "[") {
      const set = readSet(characters, at, fail);
      at = set.end;
      glob.push(set.test);
    } else {
      glob.push(equals(character));
    }
  }
  return glob;
}

function equals(wanted: string): CharacterTest {
  return (character) => character === wanted;
}

interface Member {
  readonly character: string;
  readonly escaped: boolean;
}

/** The set whose `[` stands before `start`; `end` is behind its `]`. */
function readSet(characters: readonly string[], start: number, fail: (problem: string) => void) {
  const negated = characters[start] === "!" || characters[start] === "^";
  const members: Member[] = [];
  let at = negated ? start + 1 : start;
  // A ] directly behind the bracket is a member of the set.
  for (let first = true; at < characters.length && (first || characters[at] !== "]"); first = false) {
    const escaped = characters[at] === "\\";
    if (escaped) at++;
    members.push({ character: characters[at++] ?? "", escaped });
  }
  if (characters[at] !== "]" || members.length === 0) fail("has a [ that is not closed; a name with a bracket is written \\[");
  const contains = compileMembers(members, fail);
  return { end: at + 1, test: (character: string) => contains(character) !== negated };
}

function compileMembers(members: readonly Member[], fail: (problem: string) => void): CharacterTest {
  const single = new Set<string>();
  const ranges: (readonly [number, number])[] = [];
  const code = (member: Member | undefined) => member?.character.codePointAt(0) ?? 0;
  for (let at = 0; at < members.length; at++) {
    const next = members[at + 1];
    if (next?.character === "-" && !next.escaped && at + 2 < members.length) {
      const [from, to] = [code(members[at]), code(members[at + 2])];
      if (from > to) fail("has a range in brackets that runs backwards");
      ranges.push([from, to]);
      at += 2;
    } else {
      single.add(members[at]?.character ?? "");
    }
  }
  return (character) => {
    const point = character.codePointAt(0) ?? 0;
    return single.has(character) || ranges.some(([from, to]) => from <= point && point <= to);
  };
}
