/**
 * Compares a loaded database with the backup it came from: dumped again, digested again, object by
 * object.
 */
import type { Readable } from "node:stream";
import { compareCounts } from "../../../proof/compare-counts.ts";
import {
  type ComparisonRules,
  compareDigests,
  createDifferenceList,
  describeRowDifference,
} from "../../../proof/compare-digests.ts";
import type { Comparison, ContentDigest, ObjectDigest, SourceCheckResult } from "../../../proof/content.ts";
import { digestOfObjects } from "../../../proof/digest-root.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import { type Connection, connect } from "../connection/driver.ts";
import {
  type DefinitionJudgement,
  differingDefinitions,
  judgeDefinitions,
  type NoReprint,
  type Reprint,
} from "../digest/definition-meaning.ts";
import { digestScript } from "../digest/digest.ts";
import { digestGlobals } from "../digest/digest-globals.ts";
import { postgresDigestAlgorithm } from "../digest/digest-script.ts";
import { routedSha256 } from "../digest/digest-tables.ts";
import { globalsPrefix } from "../dump/global-object.ts";
import { checkTables } from "../dump/source-check.ts";
import { tableObject } from "../script/script-identifiers.ts";
import { dumpGlobals, dumpLoaded, type GlobalsDump, type LoadedDatabase } from "./dump-loaded.ts";

/** What a place is known to differ in, for reasons that the load's findings name. */
export interface PlaceDeviations {
  /**
   * `--no-owner`, `--no-privileges` and `--no-tablespaces` of the load, by the prefixes of what
   * they leave out.
   */
  readonly ignoredPrefixes: readonly string[];
  /** Objects of the digest that are missing because this server lacks something. */
  readonly lackingObjects: ReadonlySet<string>;
  /** Objects that need an extension which the policy excepts, or something that it excludes. */
  readonly exceptedObjects: ReadonlySet<string>;
  /** The majors differ: what cannot be judged by its meaning is compared by name and type only. */
  readonly crossMajor: boolean;
}

/**
 * What the digest says of the database itself: not compared where the load left an existing
 * database's own settings alone.
 */
export const databaseObjects: readonly string[] = [
  "schema DATABASE",
  "schema ACL DATABASE",
  "schema COMMENT DATABASE",
  "owner DATABASE",
];

/**
 * Rows of tables whose columns come back in another order are digested in the order of the first
 * digest.
 */
function columnOrders(digest: ContentDigest): ReadonlyMap<string, readonly string[]> {
  return new Map(
    (digest.objects ?? []).flatMap(({ object, columns }) => (columns === undefined ? [] : [[object, columns] as const])),
  );
}

/**
 * Dumps the loaded database and digests that. Errors: RestoreFailed in pg_dump's own words;
 * ContentInvalid.
 */
export async function digestLoaded(
  database: LoadedDatabase,
  first: ContentDigest,
  globals: GlobalsDump | undefined,
  context: RunContext,
): Promise<ContentDigest> {
  const script = await dumpLoaded(database, context);
  const [objects, globalsText] = await Promise.allSettled([
    digestScript(script, context, { columnOrder: columnOrders(first) }),
    globals === undefined ? "" : dumpGlobals(globals, database, context),
  ]);
  // Both have ended by now, whichever failed.
  if (objects.status === "rejected") throw objects.reason;
  if (globalsText.status === "rejected") throw globalsText.reason;
  return digestOfObjects(postgresDigestAlgorithm, [...objects.value, ...digestGlobals(globalsText.value)]);
}

/** The rules under which a loaded database is held to its backup. */
export function comparisonRules(
  first: ContentDigest,
  second: ContentDigest,
  deviations: PlaceDeviations,
  globals: GlobalsDump | undefined,
  judgement?: DefinitionJudgement,
): ComparisonRules {
  const known = new Set((first.objects ?? []).map(({ object }) => object));
  // A table whose rows the policy excludes has no rows in the backup, and none here.
  const empty = new Set(
    (second.objects ?? [])
      .filter(({ object, rows }) => rows === 0 && object.startsWith("table ") && !known.has(object))
      .map((o) => o.object),
  );
  // Where such rows belong may differ; they are compared as a whole, as `routed rows of …`.
  const routed = new Set((first.objects ?? []).filter(({ sha256 }) => sha256 === routedSha256).map(({ object }) => object));
  // Definitions are judged by their meaning; what is no definition is not.
  const byName = /^(?:owner|tablespace|globals|schema DATABASE)/;
  const own = new Set(globals?.own.map((subject) => `${globalsPrefix}${subject}`));
  return {
    ignore: (object) =>
      empty.has(object) ||
      (object.startsWith(globalsPrefix) && (globals === undefined || own.has(object))) ||
      deviations.ignoredPrefixes.some((prefix) => object.startsWith(prefix)) ||
      deviations.lackingObjects.has(object),
    leftOut: (object) => deviations.exceptedObjects.has(object),
    ...(judgement === undefined
      ? {}
      : {
          printOnly: (object) => judgement.printOnly.has(object),
          unjudged: { has: (object) => judgement.unjudged.has(object), reason: judgement.reason },
        }),
    presenceOnly: (object) => routed.has(object) || (deviations.crossMajor && byName.test(object)),
  };
}

/**
 * Tables with as many rows and bytes on both sides and another digest: perhaps the same rows in
 * another order.
 */
function reorderedTables(first: ContentDigest, second: ContentDigest): ReadonlySet<string> {
  const others = new Map((second.objects ?? []).map((entry) => [entry.object, entry]));
  const suspects = (first.objects ?? []).filter(({ object, rows, bytes, sha256 }) => {
    const other = others.get(object);
    return object.startsWith("table ") && other?.rows === rows && other?.bytes === bytes && other?.sha256 !== sha256;
  });
  return new Set(suspects.map(({ object }) => object));
}

/** `digest` with the objects of `better` in the place of its own. */
function withObjects(digest: ContentDigest, better: readonly ObjectDigest[], names: ReadonlySet<string>): ContentDigest {
  const replacements = new Map(better.filter(({ object }) => names.has(object)).map((entry) => [entry.object, entry]));
  return digestOfObjects(
    digest.algorithm,
    (digest.objects ?? []).map((entry) => replacements.get(entry.object) ?? entry),
  );
}

/** What a comparison asks for once more, when the two dumps are not the same at first sight. */
export interface SecondLook {
  /** The backup's script again. */
  openFirst(): Promise<Readable>;
  /** The backup's definitions alone, loaded and printed; or why that cannot be done. */
  reprint(): Promise<Reprint | NoReprint>;
}

/**
 * Dumps the loaded database again and compares. A table's rows may stand in another order when they
 * could not be loaded in one transaction; order is no content, so such tables are looked at once
 * more on both sides, whatever their order. Definitions that are printed differently are loaded
 * alone and compared as they are printed then. `first` needs its list of objects.
 * Errors: as `digestLoaded`, and those of the second look.
 */
export async function compareLoaded(
  database: LoadedDatabase,
  first: ContentDigest,
  deviations: PlaceDeviations,
  globals: GlobalsDump | undefined,
  look: SecondLook,
  context: RunContext,
): Promise<{ readonly comparison: Comparison; readonly digest: ContentDigest }> {
  context.progress.phase("compare", first.bytes);
  const digest = await digestLoaded(database, first, globals, context);
  const rules = comparisonRules(first, digest, deviations, globals);
  const differing = differingDefinitions(first, digest).filter((object) => !isLeftOut(object, rules));
  const judgement = differing.length === 0 ? undefined : judgeDefinitions(differing, first, digest, await look.reprint());
  const judged = comparisonRules(first, digest, deviations, globals, judgement);
  const comparison = compareDigests(first, digest, judged);
  const suspects = comparison.equal ? new Set<string>() : reorderedTables(first, digest);
  if (suspects.size === 0) return { comparison, digest };
  const options = { columnOrder: columnOrders(first), unordered: suspects };
  const [expected, actual] = [
    await digestScript(await look.openFirst(), context, options),
    await digestScript(await dumpLoaded(database, context), context, options),
  ];
  const again = compareDigests(withObjects(first, expected, suspects), withObjects(digest, actual, suspects), judged);
  return { comparison: again, digest };
}

function isLeftOut(object: string, { ignore, leftOut }: ComparisonRules): boolean {
  return ignore?.(object) === true || leftOut?.(object) === true;
}

/**
 * Compares what the source said of itself with the loaded database: its counts with the second
 * dump's rows where there is one, hashes by asking the database in the same words. Errors: the
 * driver's.
 */
export async function compareLoadedSourceCheck(
  database: LoadedDatabase,
  given: SourceCheckResult,
  second: ContentDigest | undefined,
  deviations: PlaceDeviations,
  context: RunContext,
): Promise<Comparison> {
  const check = withoutUnfit(given, second, deviations);
  if (check.mode === "none" || (check.mode === "counts" && second !== undefined)) {
    return compareCounts(second ?? digestOfObjects(postgresDigestAlgorithm, []), check, "missing after the restore");
  }
  const connections: Connection[] = [];
  try {
    const first = await connect(database.settings, context.signal);
    connections.push(first);
    const next = await connect(database.settings, context.signal);
    connections.push(next);
    const excluded = (relation: { schema: string; name: string }): boolean =>
      check.objects[tableObject(relation.schema, relation.name)] === undefined;
    return compareHashes(check, await checkTables([first, next], check.mode, excluded));
  } finally {
    await Promise.all(connections.map((connection) => connection.close()));
  }
}

/**
 * Rows of routed partitions may stand in another one here; what the load accounts for is not asked
 * for again.
 */
function withoutUnfit(
  check: SourceCheckResult,
  second: ContentDigest | undefined,
  { lackingObjects, exceptedObjects }: PlaceDeviations,
): SourceCheckResult {
  const routed = new Set((second?.objects ?? []).filter(({ sha256 }) => sha256 === routedSha256).map(({ object }) => object));
  const fits = (object: string): boolean => !routed.has(object) && !lackingObjects.has(object) && !exceptedObjects.has(object);
  return { ...check, objects: Object.fromEntries(Object.entries(check.objects).filter(([object]) => fits(object))) };
}

function compareHashes(expected: SourceCheckResult, actual: SourceCheckResult): Comparison {
  const found = createDifferenceList();
  let rowsCompared = 0;
  for (const [object, { rows, hash }] of Object.entries(expected.objects)) {
    rowsCompared += rows;
    const other = actual.objects[object];
    if (other === undefined) found.add(object, "missing after the restore");
    else if (other.rows !== rows) found.add(object, describeRowDifference(rows, other.rows));
    else if (other.hash !== hash) found.add(object, "same number of rows, different content by the server's own hash");
  }
  return {
    equal: found.count() === 0,
    objectsCompared: Object.keys(expected.objects).length,
    rowsCompared,
    bytesCompared: 0,
    differenceCount: found.count(),
    differences: found.list(),
  };
}
