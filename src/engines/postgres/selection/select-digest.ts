/**
 * The part of a content digest that a selection of entries accounts for. What is not chosen is not
 * compared; what is chosen is compared as the whole backup is.
 */
import type { ContentDigest, ObjectDigest } from "../../../proof/content.ts";
import { digestOfObjects } from "../../../proof/digest-root.ts";
import { describeEntry } from "../digest/digest-script.ts";
import { globalsPrefix } from "../dump/global-object.ts";
import { spellQualified, tableObject } from "../script/script-identifiers.ts";
import { type ArchiveEntry, isContent, sanitised } from "./archive-entry.ts";

const asItIs = (name: string): string => name;

/** The objects of a digest that an entry accounts for; `entryOf` finds what it fills. */
export function objectsOf(entry: ArchiveEntry, entryOf: (dumpId: number) => ArchiveEntry | undefined): string[] {
  if (entry.type === "TABLE DATA" || entry.type === "SEQUENCE SET") {
    const filled = entry.dependencies.map(entryOf).find((other) => other?.type === "TABLE" || other?.type === "SEQUENCE");
    if (filled === undefined) return [];
    const { schema, name } = filled;
    if (entry.type === "SEQUENCE SET") return [`sequence ${spellQualified(schema, name)}`];
    return [tableObject(schema, name), `routed rows of ${tableObject(schema, name)}`];
  }
  if (isContent(entry)) return [largeObjects];
  const printed = entry.printed ?? { schema: sanitised(entry.schema), name: sanitised(entry.name) };
  const { kind, name } = describeEntry({ type: entry.type, ...printed }, asItIs);
  return [`${kind} ${name}`, `owner ${name}`, `tablespace ${name}`];
}

export interface ChosenObjects {
  /** Names in the digest. */
  readonly names: ReadonlySet<string>;
  /**
   * Those that entries which are not chosen have as well: their hash in the backup's digest is of
   * all of them together.
   */
  readonly shared: ReadonlySet<string>;
}

/** What the digest calls the entries with these numbers. */
export function chosenObjects(entries: readonly ArchiveEntry[], loaded: ReadonlySet<number>): ChosenObjects {
  const byId = new Map(entries.map((entry) => [entry.dumpId, entry]));
  const names = new Set<string>();
  const others = new Set<string>();
  for (const entry of entries) {
    const objects = objectsOf(entry, (dumpId) => byId.get(dumpId));
    for (const object of objects) (loaded.has(entry.dumpId) ? names : others).add(object);
  }
  // A partitioned table's rows are those of its partitions, and have no entry of their own.
  for (const { type, dependencies } of entries) {
    const [child, parent] = dependencies.map((dumpId) => byId.get(dumpId));
    if (type !== "TABLE ATTACH" || child === undefined || parent === undefined) continue;
    if (loaded.has(parent.dumpId)) names.add(`routed rows of ${tableObject(parent.schema, parent.name)}`);
  }
  return { names, shared: new Set([...names].filter((name) => others.has(name))) };
}

/**
 * The digest of the chosen objects; `definitions` are of the chosen entries alone, and stand in for
 * what the digest has of several entries together.
 */
export function selectDigest(
  digest: ContentDigest,
  { names, shared }: ChosenObjects,
  definitions: readonly ObjectDigest[],
): ContentDigest {
  const own = new Map(definitions.map((object) => [object.object, object]));
  const objects = (digest.objects ?? []).filter(({ object }) => isChosen(object, names));
  return digestOfObjects(
    digest.algorithm,
    objects.map((object) => (shared.has(object.object) ? (own.get(object.object) ?? object) : object)),
  );
}

/** Large objects are digested many at a time, and are chosen all or none. */
const largeObjects = "large objects";

/** Whether an object of a digest is among those that are chosen. */
export function isChosen(object: string, names: ReadonlySet<string>): boolean {
  return names.has(object) || (names.has(largeObjects) && object.startsWith(`${largeObjects} `));
}

/** How many objects a backup has; what is of its server as a whole is restored by no restore. */
export function countObjects({ objects = [] }: ContentDigest): number {
  return objects.filter(({ object }) => !object.startsWith(globalsPrefix)).length;
}
