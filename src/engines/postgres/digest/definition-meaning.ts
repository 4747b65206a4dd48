/** Which definitions that are printed differently mean the same (docs/adr/0014): pure. */
import type { ContentDigest, ObjectDigest } from "../../../proof/content.ts";

/** The same definitions twice: as the archive has them, and as a fresh database prints them. */
export interface Reprint {
  readonly archive: readonly ObjectDigest[];
  readonly reprinted: readonly ObjectDigest[];
}

/** Why the definitions could not be loaded once more, in words. */
export interface NoReprint {
  readonly reason: string;
}

/**
 * What can be said of definitions that are printed differently; of what is in neither set, that it
 * differs.
 */
export interface DefinitionJudgement {
  readonly printOnly: ReadonlySet<string>;
  readonly unjudged: ReadonlySet<string>;
  /** Why those are not judged. */
  readonly reason: string;
}

const hashes = (objects: readonly ObjectDigest[]): ReadonlyMap<string, string> =>
  new Map(objects.map(({ object, sha256 }) => [object, sha256]));

/**
 * What concerns the database itself: no archive loads it into a second database, and PostgreSQL
 * prints names and values as they were set. It is compared as it is printed.
 */
const ofTheDatabase: ReadonlySet<string> = new Set(
  ["DATABASE", "DATABASE PROPERTIES", "ACL DATABASE", "COMMENT DATABASE", "SECURITY LABEL DATABASE"].map(
    (name) => `schema ${name}`,
  ),
);

/** Definitions that both digests have and print differently, and that a second print can judge. */
export function differingDefinitions(first: ContentDigest, second: ContentDigest): readonly string[] {
  const others = hashes(second.objects ?? []);
  return (first.objects ?? [])
    .filter(({ object }) => object.startsWith("schema ") && !ofTheDatabase.has(object))
    .filter(({ object, sha256 }) => (others.get(object) ?? sha256) !== sha256)
    .map(({ object }) => object);
}

/**
 * Those of `objects` that differ in print only: the archive's definition is the one that was
 * verified, and loading it alone is printed as the loaded database prints it. Whatever changed the
 * loaded database, or the archive since, is a difference.
 */
function printedOnly(
  objects: readonly string[],
  first: ContentDigest,
  second: ContentDigest,
  { archive, reprinted }: Reprint,
): ReadonlySet<string> {
  const [verified, loaded, stored, printed] = [first.objects ?? [], second.objects ?? [], archive, reprinted].map(hashes) as [
    ReadonlyMap<string, string>,
    ReadonlyMap<string, string>,
    ReadonlyMap<string, string>,
    ReadonlyMap<string, string>,
  ];
  return new Set(
    objects.filter((object) => {
      const [backup, copy] = [verified.get(object), loaded.get(object)];
      return backup !== undefined && copy !== undefined && stored.get(object) === backup && printed.get(object) === copy;
    }),
  );
}

/**
 * Judges those of `objects`, which are printed differently, by a second print. What that lacks,
 * because no fresh database takes it or there is none, is neither equal nor different.
 */
export function judgeDefinitions(
  objects: readonly string[],
  first: ContentDigest,
  second: ContentDigest,
  reprint: Reprint | NoReprint,
): DefinitionJudgement {
  if ("reason" in reprint) return { printOnly: new Set(), unjudged: new Set(objects), reason: reprint.reason };
  const printed = new Set(reprint.reprinted.map(({ object }) => object));
  return {
    printOnly: printedOnly(objects, first, second, reprint),
    unjudged: new Set(objects.filter((object) => !printed.has(object))),
    reason: "a fresh database does not take them",
  };
}
