/** What `check` says of a source's extensions: without them a restore test proves nothing. */
import type { PostgresSource } from "../../policy/engines/postgres/source.ts";
import type { Finding } from "../finding.ts";
import type { Connection } from "./connection/driver.ts";
import { addExtension, installableExtensions } from "./missing-extensions.ts";
import type { ServerTools } from "./tools.ts";

const query =
  'SELECT extname::text AS name, extversion::text AS version FROM pg_catalog.pg_extension ORDER BY extname::text COLLATE "C"';

/**
 * PostgreSQL's own of 14 to 18 (its documentation, "Additional Supplied Modules and Extensions"),
 * which every layer and image of a stack has.
 */
const ownExtensions: ReadonlySet<string> = new Set(
  [
    "adminpack amcheck autoinc bloom btree_gin btree_gist citext cube dblink dict_int dict_xsyn earthdistance file_fdw fuzzystrmatch",
    "hstore insert_username intagg intarray isn lo ltree moddatetime old_snapshot pageinspect pg_buffercache pg_freespacemap",
    "pg_logicalinspect pg_prewarm pg_stat_statements pg_surgery pg_trgm pg_visibility pg_walinspect pgcrypto pgrowlocks",
    "pgstattuple plpgsql postgres_fdw refint seg sslinfo tablefunc tcn tsm_system_rows tsm_system_time unaccent uuid-ossp xml2",
  ].flatMap((line) => line.split(" ")),
);

/** A procedural language and what is written in it: no layer has them, and no list adds them. */
const ofLanguage = /(?:^|_)pl(?:perl|python|tcl)/;

/**
 * A warning for each extension that this machine's throwaway servers cannot install, and a note for
 * each that they can and a stack's cannot; none for one that the policy excepts. Errors: as
 * `queryError`.
 */
export async function checkExtensions(
  connection: Pick<Connection, "rows">,
  { restoreTest: { extensions = [], withoutExtensions = [] } }: Pick<PostgresSource, "restoreTest">,
  { directory, major }: Pick<ServerTools, "directory" | "major">,
): Promise<Finding[]> {
  const installable = installableExtensions(directory, major);
  if (installable === undefined) return [];
  const rows = await connection.rows<{ name: string; version: string }>(query);
  const needed = rows.filter(({ name }) => !withoutExtensions.includes(name));
  const inStack = (name: string): boolean => ownExtensions.has(name) || extensions.includes(name) || ofLanguage.test(name);
  return needed.flatMap(({ name, version }): Finding[] => {
    const what = `the source has the extension ${name} ${version}`;
    if (!installable.has(name))
      return [
        {
          level: "warning",
          subject: "restore test",
          message: `${what}, which PostgreSQL ${major} in ${directory} lacks: restore tests here end unproven`,
          remedy: `${capitalized(addExtension(name, major))}. Where nobody but your provider has it, except it: restoreTest: { withoutExtensions: [${name}] }.`,
        },
      ];
    if (inStack(name)) return [];
    return [
      {
        level: "note",
        subject: "restore test",
        message: `${what}, which this machine has; a stack's restore tests end unproven without it`,
        remedy: `For a stack, write restoreTest: { extensions: [${name}] } into the policy, run \`npm run layer\`, and deploy.`,
      },
    ];
  });
}

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
