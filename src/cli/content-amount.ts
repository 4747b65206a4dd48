/**
 * How much a backup holds, in what its engine counts: objects and rows of a database, entries and
 * files of a tree.
 */
import type { CountedWord, EngineTraits } from "../policy/policy.ts";
import { countOf } from "./count.ts";

type Units = EngineTraits["units"];

/** For a source that left the policy. */
const unknownUnits: Units = { objects: ["object", "objects"], rows: ["row", "rows"] };

/**
 * `30 objects, 243 rows` or `9 entries, 4 files`; `units` is undefined for a source that left the
 * policy.
 */
export function contentAmount(units: Units | undefined, objects: number, rows: number): string {
  const { objects: ofObjects, rows: ofRows } = units ?? unknownUnits;
  return `${countOfWord(objects, ofObjects)}, ${countOfWord(rows, ofRows)}`;
}

/** What the source counted itself. */
export function sourceAmount(units: Units | undefined, objects: number, rows: number): string {
  return units?.counted === undefined ? contentAmount(units, objects, rows) : countOfWord(rows, units.counted);
}

function countOfWord(count: number, [one, many]: CountedWord): string {
  return countOf(count, one, many);
}
