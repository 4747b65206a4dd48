/** What an archive's entries are to one another, as far as a selection asks. */
import { type ArchiveEntry, isNamedAfterTable, isRelation, isRemark, isTable, type Needed, sanitised } from "./archive-entry.ts";

export interface ArchiveGraph {
  readonly all: readonly ArchiveEntry[];
  find(dumpId: number): ArchiveEntry | undefined;
  /** Errors: an Error for a number of no entry. */
  entry(dumpId: number): ArchiveEntry;
  /** Where it stands in the archive. */
  position(dumpId: number): number;
  /** The schema that it is in; undefined for what is in none. */
  schemaOf(entry: ArchiveEntry): string | undefined;
  /** The partitioned table that a partition is of. */
  parentOf(dumpId: number): number | undefined;
  /** Partitions of a table, and sequences that it owns, directly. */
  comeWith(dumpId: number): readonly number[];
  /** The entries without which this one's statements fail. */
  needsOf(entry: ArchiveEntry): readonly number[];
  /** What a part is part of; undefined where the archive does not say. */
  subjectOf(part: ArchiveEntry): ArchiveEntry | undefined;
  /** The subject of a part of a part …, to the one that is no part. */
  holderOf(entry: ArchiveEntry): ArchiveEntry;
  /** A view's own query, where it stands apart from the view. */
  isViewsQuery(entry: ArchiveEntry): boolean;
  /** Tables that inherit, with what they inherit from; not partitions. */
  heirs(): readonly Needed[];
}

/** `entries` in the archive's order. */
export function createGraph(entries: readonly ArchiveEntry[]): ArchiveGraph {
  const byId = new Map(entries.map((entry) => [entry.dumpId, entry]));
  const positions = new Map(entries.map(({ dumpId }, index) => [dumpId, index]));
  const find = (dumpId: number): ArchiveEntry | undefined => byId.get(dumpId);
  const known = (entry: ArchiveEntry): ArchiveEntry[] => [...new Set(entry.dependencies)].flatMap((dumpId) => find(dumpId) ?? []);
  const { parents, followers, separatelyOwned } = findFamilies(entries, known);

  const subjects = new Map<number, ArchiveEntry | undefined>();
  const subjectOf = (part: ArchiveEntry): ArchiveEntry | undefined => {
    if (!subjects.has(part.dumpId)) subjects.set(part.dumpId, findSubject(part, known(part)));
    return subjects.get(part.dumpId);
  };
  const isViewsQuery = (entry: ArchiveEntry): boolean => entry.type === "RULE" && entry.name.endsWith(" _RETURN");

  function isSoft(entry: ArchiveEntry, other: ArchiveEntry): boolean {
    // A partition is made as a table, its keys as a table's, and all of it attached afterwards.
    if (isTable(entry)) return parents.get(entry.dumpId) === other.dumpId;
    if (entry.type === "SEQUENCE") return isTable(other) && separatelyOwned.has(entry.dumpId);
    if (entry.type === "MATERIALIZED VIEW DATA") return other.type === entry.type;
    const isKey = ({ type }: ArchiveEntry): boolean => type === "INDEX" || type === "CONSTRAINT";
    return isKey(entry) && isKey(other);
  }

  return {
    all: entries,
    find,
    entry(dumpId) {
      const found = find(dumpId);
      if (found === undefined) throw new Error(`no entry ${dumpId}`);
      return found;
    },
    position: (dumpId) => positions.get(dumpId) ?? -1,
    schemaOf(entry) {
      if (entry.schema === "-" || entry.schema === "") return undefined;
      const schemas = known(entry).filter(({ type }) => type === "SCHEMA");
      // Anyone who names a schema writes what stands in its entries' comments.
      if (schemas.length > 0 && !schemas.some(({ name }) => name === sanitised(entry.schema))) return undefined;
      return entry.schema;
    },
    parentOf: (dumpId) => parents.get(dumpId),
    comeWith: (dumpId) => followers.get(dumpId) ?? [],
    needsOf(entry) {
      const needs = known(entry).filter((other) => other !== entry && !isSoft(entry, other));
      const owner = entry.type === "SEQUENCE OWNED BY" ? needs.flatMap((sequence) => known(sequence).filter(isTable)) : [];
      return [...needs, ...owner].map(({ dumpId }) => dumpId);
    },
    subjectOf,
    holderOf(entry) {
      let holder = entry;
      for (let seen = 0; seen < entries.length; seen++) {
        const next = isRelation(holder) ? undefined : subjectOf(holder);
        if (next === undefined || next === holder) break;
        holder = next;
      }
      return holder;
    },
    isViewsQuery,
    heirs: () =>
      entries.filter(isTable).flatMap((entry) =>
        known(entry)
          .filter((other) => isTable(other) && parents.get(entry.dumpId) !== other.dumpId)
          .map((other) => ({ entry, other })),
      ),
  };
}

interface Families {
  /** The partitioned table of each partition. */
  readonly parents: ReadonlyMap<number, number>;
  /** What comes with a table: its partitions, and the sequences that it owns. */
  readonly followers: ReadonlyMap<number, readonly number[]>;
  /**
   * Sequences that an entry of its own gives to a table; those of identity columns are made by it.
   */
  readonly separatelyOwned: ReadonlySet<number>;
}

function findFamilies(entries: readonly ArchiveEntry[], known: (entry: ArchiveEntry) => ArchiveEntry[]): Families {
  const parents = new Map<number, number>();
  const followers = new Map<number, number[]>();
  const separatelyOwned = new Set<number>();
  const follow = (leader: number, follower: number): void => {
    const list = followers.get(leader);
    if (list === undefined) followers.set(leader, [follower]);
    else list.push(follower);
  };
  for (const entry of entries) {
    if (entry.type === "TABLE ATTACH") {
      const tables = known(entry).filter(isTable);
      const child = tables.find((table) => isNamed(table, entry)) ?? tables[0];
      const parent = tables.find((table) => table !== child);
      if (child === undefined || parent === undefined) continue;
      parents.set(child.dumpId, parent.dumpId);
      follow(parent.dumpId, child.dumpId);
    } else if (entry.type === "SEQUENCE") {
      for (const { dumpId } of known(entry).filter(isTable)) follow(dumpId, entry.dumpId);
    } else if (entry.type === "SEQUENCE OWNED BY") {
      for (const { dumpId } of known(entry)) separatelyOwned.add(dumpId);
    }
  }
  return { parents, followers, separatelyOwned };
}

function isNamed(relation: ArchiveEntry, { schema, name }: ArchiveEntry): boolean {
  return sanitised(relation.schema) === sanitised(schema) && sanitised(relation.name) === sanitised(name);
}

/** What a part is part of, among the entries that it needs. */
function findSubject(part: ArchiveEntry, needed: readonly ArchiveEntry[]): ArchiveEntry | undefined {
  if (isRemark(part)) return needed[0];
  const { table } = part;
  const named = table === undefined ? undefined : needed.find((other) => isTable(other) && isSame(other, table));
  if (named !== undefined) return named;
  const relations = needed.filter((other) => isRelation(other) || other.type === "DOMAIN");
  if (isNamedAfterTable(part)) {
    const owners = relations
      .filter(({ schema }) => sanitised(schema) === part.schema)
      .filter(({ name }) => part.name.startsWith(`${sanitised(name)} `));
    return owners.sort((a, b) => b.name.length - a.name.length)[0];
  }
  if (part.type === "TABLE ATTACH" || part.type === "ROW SECURITY") {
    return relations.find((relation) => isNamed(relation, part)) ?? relations[0];
  }
  // Indexes of partitions are attached to one another.
  return relations[0] !== undefined && part.type !== "INDEX ATTACH" ? relations[0] : needed[0];
}

function isSame(a: { schema: string; name: string }, b: { schema: string; name: string }): boolean {
  return a.schema === b.schema && a.name === b.name;
}
