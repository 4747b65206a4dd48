/** What a restore into a live database is asked for, by the engine's own options. */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { RestoreRequest } from "../../restore-request.ts";
import { checkCondition } from "./check-condition.ts";
import { requireName } from "./object-names.ts";

export interface LiveRequest {
  /**
   * `beside`: a table of its own, next to the live one. `rows`: what is missing is put back into
   * the live table; where that is gone, it is made again.
   */
  readonly mode: "beside" | "rows";
  /** The first of what was given after --only; the others are only staged, beside it. */
  readonly table: string;
  readonly as?: string | undefined;
  /** A condition that chooses rows. */
  readonly where?: string | undefined;
  /** Whether a live table is changed; else what would be is counted. */
  readonly confirmed: boolean;
  /** Whether the live table's own triggers fire for what is put back. */
  readonly triggers: boolean;
  /** Whether types and functions that the live database lacks are made there. */
  readonly withNeeded: boolean;
  readonly noOwner: boolean;
  readonly noPrivileges: boolean;
}

/** Options that mean something for a whole database only. */
const forDatabases = ["schema-only", "data-only", "roles", "role", "no-tablespaces", "tablespace", "end-connections"] as const;

/**
 * The request, where it is one; undefined for a restore of a database. Errors: UsageInvalid for
 * options that do not go together.
 */
export function readLiveRequest(request: Pick<RestoreRequest, "flags" | "values" | "overwrite" | "only">): LiveRequest | undefined {
  const { flags = new Set<string>(), values = new Map<string, string>() } = request;
  const beside = flags.has("beside");
  const rows = flags.has("into-live");
  const given = (names: readonly string[]): string | undefined => names.find((name) => flags.has(name) || values.has(name));
  if (!beside && !rows) {
    const stray = given(["as", "where", "yes", "no-triggers", "with-needed"]);
    if (stray !== undefined) throw usage(`--${stray} means nothing without --beside or --into-live`, "Add one of the two.");
    return undefined;
  }
  if (beside && rows) throw usage("--beside and --into-live are two restores", "Leave one of the two out.");
  const word = beside ? "--beside" : "--into-live";
  const foreign = request.overwrite ? "overwrite" : given(forDatabases);
  if (foreign !== undefined) throw usage(`--${foreign} means nothing with ${word}`, `Leave --${foreign} out.`);
  const other = given(beside ? ["yes", "no-triggers"] : ["as"]);
  if (other !== undefined) throw usage(`--${other} means nothing with ${word}`, `Leave --${other} out.`);
  const where = values.get("where");
  if (where !== undefined) checkCondition(where);
  const as = values.get("as");
  if (as !== undefined) requireName(as);
  return {
    mode: beside ? "beside" : "rows",
    table: tableOf(request.only, word),
    as,
    where,
    confirmed: beside || flags.has("yes"),
    triggers: !flags.has("no-triggers"),
    withNeeded: flags.has("with-needed"),
    noOwner: flags.has("no-owner"),
    noPrivileges: flags.has("no-privileges"),
  };
}

function tableOf(only: readonly string[] = [], word: string): string {
  const [table] = only;
  if (table !== undefined) return table;
  throw usage(`${word} needs the table that is meant`, `Give ${word} with --only schema.table.`);
}

const usage = (message: string, hint: string): HoldfastError => new HoldfastError("UsageInvalid", message, { hint });
