/** Makes what a table needs and the live database lacks, from the staged copy's own definitions. */
import type { RunContext } from "../../../runtime/run-context.ts";
import type { Connection } from "../connection/driver.ts";
import type { ScriptEntry } from "../script/script-entry.ts";
import { readIdentifiers } from "../script/script-identifiers.ts";
import type { LiveDatabase } from "./live-database.ts";
import { type NeededObject, takableEntries } from "./needed-objects.ts";
import { replayScript } from "./replay-script.ts";
import { dumpRelations, type ScriptShape, type Staging } from "./staging.ts";

export interface NeededMove {
  readonly staging: Staging;
  readonly live: LiveDatabase;
  readonly shape: ScriptShape;
}

/** In the transaction that is open. Errors: those of replayScript. */
export async function makeNeeded(
  lacking: readonly NeededObject[],
  { staging, live, shape }: NeededMove,
  connection: Connection,
  context: RunContext,
): Promise<void> {
  const wanted = new Set(lacking.flatMap(entryKeys));
  const script = await dumpRelations(staging.database, { ...shape, relations: [] }, context, ["--schema-only"]);
  await replayScript(script, connection, {
    types: new Set(Object.values(takableEntries).flat()),
    wants: (entry) => wanted.has(keyOfEntry(entry)),
    // What is wanted is chosen by its entry: it is no part of the table.
    mayTouch: undefined,
    presentRoles: live.roles,
  });
}

const keyOfEntry = ({ type, schema, name }: Pick<ScriptEntry, "type" | "schema" | "name">): string =>
  JSON.stringify([type, schema, name]);

/** The entries that may make an object: `TYPE public mood`, `FUNCTION public f(integer)`. */
function entryKeys({ type, identity }: NeededObject): string[] {
  const { names, end } = readIdentifiers(identity, ".");
  const [schema, name] = names.length === 1 ? ["-", names[0]] : names;
  if (schema === undefined || name === undefined) return [];
  return (takableEntries[type] ?? []).map((entry) => keyOfEntry({ type: entry, schema, name: name + identity.slice(end) }));
}
