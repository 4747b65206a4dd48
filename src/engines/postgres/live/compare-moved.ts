/** Compares the definitions of a table that was moved with those it was staged with. */
import { compareDigests } from "../../../proof/compare-digests.ts";
import type { Comparison, ContentDigest } from "../../../proof/content.ts";
import { digestOfObjects } from "../../../proof/digest-root.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import { digestScript } from "../digest/digest.ts";
import { postgresDigestAlgorithm } from "../digest/digest-script.ts";
import type { LoadedDatabase } from "../place/dump-loaded.ts";
import type { LeftOutStatement } from "./replay-script.ts";
import { dumpRelations, type ScriptShape } from "./staging.ts";

export interface MovedSides {
  readonly staged: LoadedDatabase;
  readonly live: LoadedDatabase;
  readonly shape: ScriptShape;
  /** Types of entries that were made; others are not compared. */
  readonly types: ReadonlySet<string>;
  readonly leftOut: readonly LeftOutStatement[];
  /** Objects that were made from the archive's own words: keys to tables that were not staged. */
  readonly keys: ReadonlySet<string>;
  /** The servers are of different majors, and may print one definition in two ways. */
  readonly crossMajor: boolean;
}

/**
 * Both have the same names by then. One program dumps both, and what it prints of a definition that
 * was loaded once it prints of one that was loaded again. Errors: RestoreFailed in pg_dump's words.
 */
export async function compareMoved(sides: MovedSides, context: RunContext): Promise<Comparison> {
  const digest = async (database: LoadedDatabase): Promise<ContentDigest> => {
    const script = await dumpRelations(database, sides.shape, context, ["--schema-only"]);
    return digestOfObjects(postgresDigestAlgorithm, await digestScript(script, context));
  };
  const [first, second] = [await digest(sides.staged), await digest(sides.live)];
  const excused = new Set(sides.leftOut.map(({ entry: { type, schema, name } }) => `schema ${type} ${schema}.${name}`));
  return compareDigests(first, second, {
    ignore: (object) =>
      sides.keys.has(object) || excused.has(object) || !isCompared(object, sides.types) || /^(?:owner|tablespace) /.test(object),
    ...(sides.crossMajor
      ? { unjudged: { has: (object) => object.startsWith("schema "), reason: "the servers are of different major versions" } }
      : {}),
  });
}

function isCompared(object: string, types: ReadonlySet<string>): boolean {
  if (!object.startsWith("schema ")) return true;
  const rest = object.slice("schema ".length);
  return [...types].some((type) => rest.startsWith(`${type} `));
}
