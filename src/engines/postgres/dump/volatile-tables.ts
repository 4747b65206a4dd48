/** What the policy says comes and goes, or is left out: tables that nothing is concluded from. */
import type { PostgresSource } from "../../../policy/engines/postgres/source.ts";
import { readIdentifiers } from "../script/script-identifiers.ts";
import { compileTablePattern } from "./exclusions.ts";

/**
 * Whether a part of a digest is a table that is named by `verify.volatile`, or left out by
 * `exclude`.
 */
export function compileVolatileTables({
  verify,
  exclude,
}: Pick<PostgresSource, "verify" | "exclude">): (object: string) => boolean {
  const matchers = [...verify.volatile, ...exclude.tables, ...exclude.data].map(compileTablePattern);
  return (object) => {
    if (!object.startsWith("table ")) return false;
    const [schema = "", name = ""] = readIdentifiers(object, ".", "table ".length).names;
    return matchers.some((matches) => matches({ schema, name }));
  };
}
