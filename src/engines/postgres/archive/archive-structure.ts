/**
 * What an archive's entries are to one another: what each needs, what reads foreign tables, and
 * what has to be loaded last.
 */
import type { ScriptEntry } from "../script/script-entry.ts";

/** What the archive defines, as far as errors are judged by it. */
export interface ArchiveDefinitions {
  /** The entry that defines this object, as the script names it. */
  find(type: string, schema: string, name: string): ScriptEntry | undefined;
  /** Whether any entry defines something of this name, in whatever schema and of whatever kind. */
  defines(name: string): boolean;
}

/** What a load does not do in the archive's own order. */
export interface LoadOrder {
  /** Event triggers, which would fire for what is loaded after them, with what is said of them. */
  readonly eventTriggers: ReadonlySet<number>;
  /**
   * Mappings of users to foreign servers, with their passwords: before they are made nothing can
   * connect there.
   */
  readonly userMappings: ReadonlySet<number>;
  /**
   * Materialized views that read foreign tables, directly or not, and were filled at the source.
   */
  readonly foreignViews: readonly ScriptEntry[];
}

export interface ArchiveStructure {
  add(entry: ScriptEntry): void;
  readonly definitions: ArchiveDefinitions;
  /** Tables of this name, in any schema. */
  tablesNamed(name: string): readonly ScriptEntry[];
  order(): LoadOrder;
}

const keyOf = (type: string, schema: string, name: string): string => JSON.stringify([type, schema, name]);

/** Collects the entries of a verbose script, in any order. */
export function createStructure(): ArchiveStructure {
  const entries = new Map<string, ScriptEntry>();
  const byId = new Map<number, ScriptEntry>();
  const names = new Set<string>();
  const tables = new Map<string, ScriptEntry[]>();
  return {
    add(entry) {
      const { type, schema, name, dumpId } = entry;
      entries.set(keyOf(type, schema, name), entry);
      if (dumpId !== undefined) byId.set(dumpId, entry);
      // A function's name is followed by its arguments.
      names.add(name).add(name.replace(/\(.*$/s, ""));
      if (type === "TABLE") tables.set(name, [...(tables.get(name) ?? []), entry]);
    },
    definitions: {
      find: (type, schema, name) => entries.get(keyOf(type, schema, name)),
      defines: (name) => names.has(name),
    },
    tablesNamed: (name) => tables.get(name) ?? [],
    order() {
      const readers = findForeignReaders(byId);
      const views = [...byId]
        .filter(([dumpId, { type }]) => type === "MATERIALIZED VIEW" && readers.has(dumpId))
        .filter(([, { schema, name }]) => entries.has(keyOf("MATERIALIZED VIEW DATA", schema, name)));
      return {
        eventTriggers: idsOf(byId, "EVENT TRIGGER"),
        userMappings: idsOf(byId, "USER MAPPING"),
        foreignViews: views.map(([, entry]) => entry),
      };
    },
  };
}

/** The entries of a type, and those that are about one of them: comments, rights, labels. */
function idsOf(byId: ReadonlyMap<number, ScriptEntry>, type: string): ReadonlySet<number> {
  const ids = new Set([...byId].filter(([, entry]) => entry.type === type).map(([dumpId]) => dumpId));
  const about = [...byId].filter(([, { dependencies = [] }]) => dependencies.some((id) => ids.has(id)));
  return new Set([...ids, ...about.map(([dumpId]) => dumpId)]);
}

/**
 * The numbers of all entries whose query or rows come from a foreign table, through any number of
 * views, functions and partitions.
 */
function findForeignReaders(byId: ReadonlyMap<number, ScriptEntry>): ReadonlySet<number> {
  const readers = new Map<number, number[]>();
  const addReader = (read: number, reader: number): void => {
    const list = readers.get(read);
    if (list === undefined) readers.set(read, [reader]);
    else list.push(reader);
  };
  for (const [dumpId, entry] of byId) for (const [read, reader] of readsOf(dumpId, entry, byId)) addReader(read, reader);
  const found = new Set<number>();
  const open = [...byId].filter(([, { type }]) => type === "FOREIGN TABLE").map(([dumpId]) => dumpId);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    open.push(...(readers.get(next) ?? []));
  }
  return found;
}

/**
 * Pairs of what is read and what reads it. A parent reads its children and partitions, which depend
 * on it; all else reads what it depends on.
 */
function readsOf(dumpId: number, entry: ScriptEntry, byId: ReadonlyMap<number, ScriptEntry>): [number, number][] {
  const { schema, name, dependencies = [] } = entry;
  const isTable = (other: ScriptEntry | undefined): boolean => other?.type === "TABLE" || other?.type === "FOREIGN TABLE";
  if (entry.type === "TABLE ATTACH") {
    const isChild = (id: number): boolean => byId.get(id)?.name === name && byId.get(id)?.schema === schema;
    const child = dependencies.find(isChild);
    return child === undefined ? [] : dependencies.filter((id) => id !== child).map((parent) => [child, parent]);
  }
  if (isTable(entry)) return dependencies.filter((id) => isTable(byId.get(id))).map((parent) => [dumpId, parent]);
  return dependencies.map((read) => [read, dumpId]);
}
