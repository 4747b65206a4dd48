/** What a policy needs to know of the postgres engine. */
import { withoutUndefined } from "../../defined.ts";
import type { CommonSource, EnginePolicy, Resolved, RestoreFlag } from "../../engine-policy.ts";
import type { PathResolver } from "../../path-resolver.ts";
import { initialPostgres } from "./initial-source.ts";
import { kinds, name, postgresSchema, type WrittenPostgres } from "./schema.ts";
import type { Assertion, PostgresSource } from "./source.ts";
import { compileTableName } from "./table-name.ts";

const restoreFlags: readonly RestoreFlag[] = [
  { name: "roles", description: "create the backup's roles that the target's server lacks; needs a superuser" },
  { name: "no-owner", description: "everything belongs to the role that restores; the default for one that is not a superuser" },
  { name: "role", value: "name", description: "everything belongs to this role, and so does a new database" },
  { name: "no-privileges", description: "leave grants out" },
  { name: "no-tablespaces", description: "use the server's default tablespace" },
  { name: "tablespace", value: "name", description: "put the new database into this tablespace, with all that it holds" },
  { name: "schema-only", description: "definitions without rows" },
  { name: "data-only", description: "rows without definitions, into a database whose tables are there and empty" },
  { name: "end-connections", description: "with --overwrite or --swap: end the sessions that keep the target from being renamed" },
  {
    name: "beside",
    description: "with --only TABLE: put that table next to the live one, as TABLE_restored; the live one is not touched",
  },
  { name: "as", value: "name", description: "with --beside: what the table is called there" },
  { name: "into-live", description: "with --only TABLE: count the rows that the live table lacks; with --yes, put them back" },
  { name: "where", value: "condition", description: 'with --beside or --into-live: only rows that meet it, such as "id < 100"' },
  { name: "yes", description: "with --into-live: change the live table, after it was counted without --yes" },
  { name: "no-triggers", description: "with --into-live: the live table's own triggers do not fire; writers of it wait meanwhile" },
  { name: "with-needed", description: "with --beside or --into-live: make types and functions that the live database lacks" },
];

export const postgresPolicy: EnginePolicy<PostgresSource, WrittenPostgres> = {
  name,
  kinds,
  reach: "network",
  erases: { form: "rows" },
  units: { objects: ["object", "objects"], rows: ["row", "rows"] },
  // libpq's own (PostgreSQL documentation, "Environment Variables").
  secretVariables: ["PGPASSWORD"],
  schema: postgresSchema,
  resolve: resolvePostgres,
  secretsOf: ({ connection }) => [connection],
  initial: initialPostgres,
  valueForms: [
    {
      name: "pattern of tables",
      written: "`public.sessions`, `*.cache_?`",
      meaning: "`*` any characters, `?` one; letters fold to lower case outside double quotes; without a schema, `public` is meant",
    },
  ],
  restore: {
    targets: "a new database's name, env:NAME, file:PATH, service:NAME",
    only: "a table or a pattern of tables (public.orders), or schema NAME",
    flags: restoreFlags,
  },
  find: { name: "table", value: "table", description: "a table, with its schema or in any", compile: compileTableName },
};

function resolvePostgres(written: WrittenPostgres, common: CommonSource, paths: PathResolver): Resolved<PostgresSource> {
  const { assert = [], sandbox, foreignServers, extensions, withoutExtensions } = written.restoreTest;
  return {
    ...common,
    engine: name,
    connection: paths.resolveSecret(written.connection, ["sources", common.name, "connection"]),
    exclude: { tables: written.exclude.tables ?? [], data: written.exclude.data ?? [] },
    sourceCheck: written.sourceCheck,
    rolePasswords: written.rolePasswords,
    restoreTest: {
      ...common.restoreTest,
      assertions: assert.map(resolveAssertion),
      ...withoutUndefined({ sandbox, foreignServers: foreignServers || undefined, extensions, withoutExtensions }),
    },
  };
}

type AssertionWritten = NonNullable<WrittenPostgres["restoreTest"]["assert"]>[number];

function resolveAssertion({ sql, name, equals, atLeast, atMost }: AssertionWritten): Assertion {
  const base = { name: name ?? sql.replaceAll(/\s+/g, " "), sql };
  if (equals !== undefined) return { ...base, expect: { equals } };
  return { ...base, expect: atLeast !== undefined ? { atLeast } : { atMost: atMost ?? 0 } };
}
