/** The names of databases that a restore makes beside its target's own. */
import type { RunContext } from "../../../runtime/run-context.ts";

/** The longest name that PostgreSQL keeps whole, in bytes (NAMEDATALEN - 1). */
export const maxNameBytes = 63;

export interface DatabaseNames {
  /**
   * The database that is loaded into: the target itself, or a new one beside an occupied target.
   */
  readonly loadInto: string;
  /** What the occupied target is called afterwards. */
  readonly setAside?: string;
  /** What a copy is called that differs from the backup. */
  readonly differsName: string;
  /** A database that lives for as long as definitions are compared. */
  readonly definitionsName: string;
}

/** `name` with a suffix, cut to the length of a name; never within a character. */
function suffixed(name: string, suffix: string): string {
  let stem = name;
  while (Buffer.byteLength(stem) + Buffer.byteLength(suffix) > maxNameBytes) stem = [...stem].slice(0, -1).join("");
  return stem + suffix;
}

/** `20261120t020000z`: as in backups' ids, and as PostgreSQL writes names without quotes. */
function compactTime(instant: Date): string {
  return instant
    .toISOString()
    .replaceAll(/[-:]|\.\d+/g, "")
    .toLowerCase();
}

/** The names for one restore; `beside`: the target holds something. */
export function nameDatabases(
  database: string,
  beside: boolean,
  context: Pick<RunContext, "clock" | "randomBytes">,
): DatabaseNames {
  const suffix = Buffer.from(context.randomBytes(3)).toString("hex");
  const time = compactTime(context.clock.now());
  return {
    loadInto: beside ? suffixed(database, `_holdfast_${suffix}`) : database,
    ...(beside ? { setAside: suffixed(database, `_before_${time}`) } : {}),
    differsName: suffixed(database, `_differs_${time}`),
    definitionsName: suffixed(database, `_definitions_${suffix}`),
  };
}

const timeForm = "00000000t000000z";

/** Whether `name` is that of what an overwrite of `database` has kept. */
export function isKeptOf(database: string, name: string): boolean {
  const [stem = "", time] = splitAt(name, name.length - "_before_".length - timeForm.length);
  return /^_before_\d{8}t\d{6}z$/.test(time) && suffixed(database, `_before_${timeForm}`) === `${stem}_before_${timeForm}`;
}

function splitAt(text: string, index: number): readonly [string, string] {
  return [text.slice(0, Math.max(0, index)), text.slice(Math.max(0, index))];
}

/** What a database is called that a swap-back takes out of the way. */
export function nameUndone(database: string, now: Date): string {
  return suffixed(database, `_undone_${compactTime(now)}`);
}
