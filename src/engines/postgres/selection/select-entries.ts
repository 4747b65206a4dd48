/**
 * Chooses entries of an archive: what was asked for, what is part of it, and what it cannot be made
 * without. Pure: the same archive and patterns give the same answer. By the archive's own
 * dependencies, which pg_dump took from the catalogue.
 */
import { type ArchiveEntry, holdsRows, isOfWhole, isPart, isRelation, isRemark, type Needed } from "./archive-entry.ts";
import { type ArchiveGraph, createGraph } from "./archive-graph.ts";
import type { ObjectPattern } from "./object-pattern.ts";

export interface EntrySelection {
  /** Numbers of all entries that are loaded. */
  readonly loaded: ReadonlySet<number>;
  /**
   * What was asked for, with partitions: relations with their rows; schemas, types … of a schema.
   */
  readonly asked: readonly ArchiveEntry[];
  /** What nobody asked for; `other` cannot be made without it. Tables come without their rows. */
  readonly along: readonly Needed[];
  /** Parts of what was asked for that need `other`, which is not chosen: left out. */
  readonly leftOut: readonly Needed[];
  /**
   * Tables that inherit from a chosen one (`other`), and are not chosen: their rows are missing.
   */
  readonly heirs: readonly Needed[];
  /** Patterns that match nothing, as they were given. */
  readonly unmatched: readonly string[];
}

/** Chooses what the patterns name; `entries` in the archive's order. */
export function selectEntries(entries: readonly ArchiveEntry[], patterns: readonly ObjectPattern[]): EntrySelection {
  const graph = createGraph(entries);
  const { roots, unmatched } = findRoots(graph, patterns);
  const chosen = withPartitions(graph, roots);
  const loaded = new Set(chosen);
  const along = new Map<number, Needed>();
  const takeAlong = (needs: readonly Needed[]): void => {
    for (const need of needs) {
      loaded.add(need.entry.dumpId);
      if (!isPart(need.entry)) along.set(need.entry.dumpId, need);
    }
  };
  for (const dumpId of chosen) takeAlong(missingFor(graph, graph.entry(dumpId), loaded).needs);
  const leftOut = addParts(graph, { chosen, loaded, takeAlong });
  const of = (ids: Iterable<number>): ArchiveEntry[] => [...ids].map((dumpId) => graph.entry(dumpId));
  return {
    loaded,
    asked: of([...chosen].sort((a, b) => graph.position(a) - graph.position(b))),
    along: [...along.values()].sort((a, b) => graph.position(a.entry.dumpId) - graph.position(b.entry.dumpId)),
    leftOut,
    heirs: graph.heirs().filter(({ entry, other }) => chosen.has(other.dumpId) && !chosen.has(entry.dumpId)),
    unmatched,
  };
}

/** The entries that the patterns name; of a schema, all that stands in it. */
function findRoots(graph: ArchiveGraph, patterns: readonly ObjectPattern[]) {
  const roots = new Set<number>();
  const unmatched: string[] = [];
  for (const { text, ofSchema, matches } of patterns) {
    const found = graph.all.filter((entry) => !isPart(entry) && !isOfWhole(entry) && (ofSchema ? isIn(entry) : matches(entry)));
    if (found.length === 0) unmatched.push(text);
    for (const { dumpId } of found) roots.add(dumpId);

    function isIn(entry: ArchiveEntry): boolean {
      if (entry.type === "SCHEMA") return matches(entry);
      const schema = graph.schemaOf(entry);
      return schema !== undefined && matches({ ...entry, schema: "-", name: schema });
    }
  }
  return { roots, unmatched };
}

/** A partitioned table is its partitions; sequences come with the table that owns them. */
function withPartitions(graph: ArchiveGraph, roots: ReadonlySet<number>): Set<number> {
  const chosen = new Set(roots);
  // A set grows while it is walked, and what is added is walked too.
  for (const dumpId of chosen) for (const child of graph.comeWith(dumpId)) chosen.add(child);
  return chosen;
}

interface Missing {
  /** What is not loaded yet and has to be, in no order. */
  readonly needs: readonly Needed[];
  /** Needed, and never loaded for another's sake. */
  readonly forbidden?: ArchiveEntry | undefined;
}

/** What an entry cannot be made without, directly or not, as far as it is not loaded. */
function missingFor(graph: ArchiveGraph, entry: ArchiveEntry, loaded: ReadonlySet<number>): Missing {
  const found = new Map<number, Needed>();
  const open = [entry];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const dumpId of graph.needsOf(next)) {
      if (loaded.has(dumpId) || found.has(dumpId) || dumpId === entry.dumpId) continue;
      const other = graph.entry(dumpId);
      if (isOfWhole(other)) return { needs: [], forbidden: other };
      found.set(dumpId, { entry: other, other: next });
      open.push(other);
    }
  }
  return { needs: [...found.values()] };
}

interface Growing {
  readonly chosen: ReadonlySet<number>;
  readonly loaded: Set<number>;
  takeAlong(needs: readonly Needed[]): void;
}

/** Adds the parts of what is loaded, until there are no more. Gives those that cannot be added. */
function addParts(graph: ArchiveGraph, growing: Growing): Needed[] {
  const { chosen, loaded, takeAlong } = growing;
  let candidates = graph.all.filter((entry) => isPart(entry) && !loaded.has(entry.dumpId));
  const leftOut: Needed[] = [];
  for (let added = true; added; ) {
    added = false;
    const waiting: ArchiveEntry[] = [];
    for (const entry of candidates) {
      if (loaded.has(entry.dumpId)) continue;
      const subject = graph.subjectOf(entry);
      if (subject === undefined) continue;
      if (!loaded.has(subject.dumpId)) {
        waiting.push(entry);
        continue;
      }
      if (!isWanted(graph, entry, subject, chosen)) continue;
      const blocker = findBlocker(graph, entry, growing);
      if (blocker !== undefined) {
        leftOut.push({ entry, other: blocker });
        continue;
      }
      takeAlong(missingFor(graph, entry, loaded).needs);
      loaded.add(entry.dumpId);
      added = true;
    }
    candidates = waiting;
  }
  return leftOut.sort((a, b) => graph.position(a.entry.dumpId) - graph.position(b.entry.dumpId));
}

/** Of what is only taken along, no more than it takes: no rows, no keys, no triggers. */
function isWanted(graph: ArchiveGraph, entry: ArchiveEntry, subject: ArchiveEntry, chosen: ReadonlySet<number>): boolean {
  const holder = graph.holderOf(subject);
  if (!isRelation(holder) || chosen.has(holder.dumpId)) return true;
  return !holdsRows(entry) && (isRemark(entry) || entry.type.startsWith("SEQUENCE ") || graph.isViewsQuery(entry));
}

/** What keeps a part from being made: a relation that is not chosen, or something never loaded. */
function findBlocker(graph: ArchiveGraph, entry: ArchiveEntry, { chosen, loaded }: Growing): ArchiveEntry | undefined {
  if (entry.type === "FK CONSTRAINT") {
    // Rows need the rows that they refer to, not the table alone.
    const referred = entry.dependencies.flatMap((dumpId) => graph.find(dumpId) ?? []);
    const absent = referred.find((other) => isRelation(other) && !chosen.has(other.dumpId));
    if (absent !== undefined) return absent;
  }
  const { needs, forbidden } = missingFor(graph, entry, loaded);
  if (forbidden !== undefined) return forbidden;
  if (graph.isViewsQuery(entry)) return undefined;
  return needs.find(({ entry: needed }) => isRelation(needed) && needed.type !== "SEQUENCE")?.entry;
}
