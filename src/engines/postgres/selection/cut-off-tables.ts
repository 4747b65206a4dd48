/**
 * Tables that are not chosen, and whose erased rows take rows of chosen ones with them in
 * production: by foreign keys that a part lacks. An erasure that names such a table alone would
 * leave the other rows in the part.
 */
import { tableObject } from "../script/script-identifiers.ts";
import { type ArchiveEntry, isTable } from "./archive-entry.ts";
import { createGraph } from "./archive-graph.ts";
import type { EntrySelection } from "./select-entries.ts";

/**
 * As the digest names them; through any number of tables between. `entries`: all of the archive.
 */
export function cutOffTables(entries: readonly ArchiveEntry[], { asked }: Pick<EntrySelection, "asked">): readonly string[] {
  const graph = createGraph(entries);
  const referred = new Map<number, number[]>();
  for (const entry of entries) {
    const subject = entry.changesOnDelete === true ? graph.subjectOf(entry) : undefined;
    if (subject === undefined) continue;
    const others = entry.dependencies.filter((dumpId) => {
      const other = graph.find(dumpId);
      return other !== undefined && isTable(other) && other !== subject;
    });
    referred.set(subject.dumpId, [...(referred.get(subject.dumpId) ?? []), ...others]);
  }
  const chosen = new Set(asked.filter(isTable).map(({ dumpId }) => dumpId));
  // A set grows while it is walked, and what is added is walked too.
  const reached = new Set(chosen);
  for (const dumpId of reached) {
    const parent = graph.parentOf(dumpId);
    for (const next of [...(referred.get(dumpId) ?? []), ...(parent === undefined ? [] : [parent])]) reached.add(next);
  }
  return [...reached]
    .filter((dumpId) => !chosen.has(dumpId))
    .map((dumpId) => graph.entry(dumpId))
    .map(({ schema, name }) => tableObject(schema, name));
}
