/**
 * Looks at the database that rows alone are restored into: its tables have to be there, and empty.
 */
import type { Finding } from "../../finding.ts";
import type { Connection } from "../connection/driver.ts";
import { type Check, finding } from "../place/checked-target.ts";
import type { TargetSurvey } from "../place/restore-survey.ts";
import { quoteIdentifier, spellQualified } from "../script/script-identifiers.ts";
import type { EntryNames } from "../selection/archive-entry.ts";

/** What is filled: tables with rows, sequences with a value. */
export interface Fillable {
  readonly tables: readonly EntryNames[];
  readonly sequences: readonly EntryNames[];
  readonly largeObjects: boolean;
}

const presentQuery = `
  SELECT w.number::int AS number FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) WITH ORDINALITY AS w(schema, name, number)
  JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name AND c.relkind::text = ANY ($3)`;

/** The names that the database has none of, as relations of these kinds. Errors: the driver's. */
async function findAbsent(names: readonly EntryNames[], kinds: readonly string[], connection: Connection): Promise<EntryNames[]> {
  const [schemas, relations] = [names.map(({ schema }) => schema), names.map(({ name }) => name)];
  const rows = await connection.rows<{ number: number }>(presentQuery, [schemas, relations, kinds]);
  const present = new Set(rows.map(({ number }) => number));
  return names.filter((_, index) => !present.has(index + 1));
}

export function qualified({ schema, name }: EntryNames): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

const spell = ({ schema, name }: EntryNames): string => spellQualified(schema, name);

/** Triggers and foreign keys stay silent while rows are loaded; who may ask for that. */
const silenceQuery = `
  SELECT r.rolsuper OR (pg_catalog.current_setting('server_version_num')::int >= 150000
    AND pg_catalog.has_parameter_privilege(current_user, 'session_replication_role', 'SET')) AS may
  FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`;
/** Before 15 there is no such function, and only a superuser may. */
const silenceQueryBefore15 = "SELECT rolsuper AS may FROM pg_catalog.pg_roles WHERE rolname = current_user";

/** Everything about the database that can be looked at. Errors: the driver's. */
export async function checkRowsTarget(
  fillable: Fillable,
  survey: TargetSurvey,
  connection: Connection,
): Promise<readonly Finding[]> {
  const { tables, sequences } = fillable;
  const [silence] = await connection.rows<{ may: boolean }>(survey.serverMajor >= 15 ? silenceQuery : silenceQueryBefore15);
  const absent = [...(await findAbsent(tables, ["r", "p"], connection)), ...(await findAbsent(sequences, ["S"], connection))];
  const held: string[] = [];
  for (const table of tables.filter((each) => !absent.includes(each))) {
    const [row] = await connection.rows<{ held: boolean }>(`SELECT EXISTS (SELECT FROM ONLY ${qualified(table)}) AS held`);
    if (row?.held === true) held.push(spell(table));
  }
  const [objects] = await connection.rows<{ held: boolean }>(
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata) AS held",
  );
  return [
    ...(silence?.may === true
      ? []
      : finding(
          "error",
          "privileges",
          "this role may not keep triggers and foreign keys from firing while rows are loaded",
          "Run the restore as a superuser, or grant it (from PostgreSQL 15 on): GRANT SET ON PARAMETER session_replication_role TO …",
        )),
    ...listing(
      "tables and sequences missing in the database",
      absent.map(spell),
      "Restore the definitions first, with --schema-only.",
    ),
    ...listing("tables that are not empty", held, "Empty them (TRUNCATE), or restore to a new database."),
    ...(fillable.largeObjects && objects?.held === true
      ? finding(
          "error",
          "rows",
          "the database has large objects, whose numbers the backup's may have",
          "Restore to a new database, or choose tables with --only.",
        )
      : []),
  ];
}

const maxNamed = 10;

function listing(message: string, names: readonly string[], remedy: string): Finding[] {
  if (names.length === 0) return [];
  const more = names.length > maxNamed ? ` and ${names.length - maxNamed} more` : "";
  return [
    {
      level: "error",
      subject: "rows",
      message: `${message}: ${names.slice(0, maxNamed).join(", ")}${more}`,
      remedy,
      details: names,
    },
  ];
}

/** The server itself, and that there is a database to fill. */
export const checkServer: Check = ({ survey, settings: { host, port, user, database }, facts, request }) => {
  const { serverMajor, serverVersion, standby, state, closed } = survey;
  if (standby) return finding("error", "server", `${host}:${port} is a standby, which takes no writes`, "Restore to its primary.");
  if (closed !== undefined)
    return finding("error", "target", `"${database}" cannot be looked into: ${closed.message}`, "Let the connecting role into it.");
  if (state !== "occupied") {
    return finding(
      "error",
      "target",
      `"${database}" has no tables that could take rows`,
      "Restore the definitions there first, with --schema-only.",
    );
  }
  if (request.overwrite) {
    return finding("error", "target", "rows alone fill empty tables, and overwrite nothing", "Leave --overwrite and --swap out.");
  }
  const major = serverMajor === facts.serverMajor ? "" : `; the backup is of PostgreSQL ${facts.serverMajor}`;
  return finding("ok", "server", `PostgreSQL ${serverVersion} on ${host}:${port}, as "${user}"${major}`);
};
