/** How much a backup holds, in what its engine counts: objects and rows of a database, entries and files of a tree. */
import type { SourceConfig } from "../policy/policy.ts";
import { countOf } from "./count.ts";

type EngineName = SourceConfig["engine"];

/** `30 objects, 243 rows` or `9 entries, 4 files`; `engine` is undefined for a source that left the policy. */
export function contentAmount(engine: EngineName | undefined, objects: number, rows: number): string {
  return engine === "files"
    ? `${countOf(objects, "entry", "entries")}, ${countOf(rows, "file")}`
    : `${countOf(objects, "object")}, ${countOf(rows, "row")}`;
}

/** What the source counted itself: a tree's counts are by type, and its rows are all entries. */
export function sourceAmount(engine: EngineName | undefined, objects: number, rows: number): string {
  return engine === "files" ? countOf(rows, "entry", "entries") : contentAmount(engine, objects, rows);
}
