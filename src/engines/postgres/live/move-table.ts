/**
 * Moves the staged table into the live database: definitions and rows in one transaction, compared
 * before it is committed. Nothing that is there is touched, or locked against reads and writes.
 */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import { describePlace } from "../connection/connection.ts";
import type { Connection } from "../connection/driver.ts";
import { spellQualified } from "../script/script-identifiers.ts";
import type { ForeignKey } from "./archive-keys.ts";
import { commitSurely } from "./commit.ts";
import { hashRows } from "./hash-rows.ts";
import type { LiveDatabase } from "./live-database.ts";
import { makeNeeded } from "./make-needed.ts";
import { makeStatistics } from "./make-statistics.ts";
import { findLacking, type NeededObject, readNeeded, requireTakable } from "./needed-objects.ts";
import { keyOf, type QualifiedName } from "./object-names.ts";
import { type LeftOutStatement, type Replayed, replayScript } from "./replay-script.ts";
import { quoteQualified, type StagedRelation, type StagedTable } from "./staged-table.ts";
import { dumpRelations, type ScriptShape, type Staging } from "./staging.ts";

/** What a table consists of, as pg_dump calls it. */
const tableTypes: readonly string[] = [
  "TABLE",
  "TABLE ATTACH",
  "TABLE DATA",
  "SEQUENCE",
  "SEQUENCE OWNED BY",
  "SEQUENCE SET",
  "DEFAULT",
  "CONSTRAINT",
  "CHECK CONSTRAINT",
  // Within the table: those to others were not staged, or taken away there.
  "FK CONSTRAINT",
  "INDEX",
  "INDEX ATTACH",
  "STATISTICS",
  "ROW SECURITY",
  "POLICY",
  "COMMENT",
  "ACL",
  "SECURITY LABEL",
];
/** What acts on others, or when others act: made only where the table is the live one again. */
const actingTypes: readonly string[] = ["TRIGGER", "RULE"];

/** So long a statement waits for a lock that somebody else holds. */
export const lockTimeout = "SET LOCAL lock_timeout = '60s'";

export interface MoveRequest {
  /** As it stands in the staging database now, under the names that it will have. */
  readonly table: StagedTable;
  readonly staging: Staging;
  readonly live: LiveDatabase;
  /** Whether triggers, rules and foreign keys are made. */
  readonly acting: boolean;
  /** Foreign keys to other tables of the live database, as SQL. */
  readonly keys: readonly ForeignKey[];
  readonly shape: ScriptShape;
  /** Whether what it needs and the live database lacks is made, too. */
  readonly withNeeded: boolean;
}

export interface Moved {
  readonly rows: number;
  readonly leftOut: readonly LeftOutStatement[];
  /** What was made because the live database lacked it. */
  readonly along: readonly NeededObject[];
}

/** Types of the entries that make a table again. */
export const entryTypes = (acting: boolean): ReadonlySet<string> => new Set([...tableTypes, ...(acting ? actingTypes : [])]);

/** What the live database lacks of what the table needs. Errors: the driver's. */
export async function lackingOf(table: StagedTable, staging: Staging, live: Connection): Promise<readonly NeededObject[]> {
  const needed = await readNeeded(
    table.relations.map(({ oid }) => oid),
    staging.connection,
  );
  return findLacking(needed, live);
}

/**
 * Runs in a transaction that the caller has open on `connection`, and commits. Errors:
 * RestoreDiffers where the rows that arrived are not those that were staged, RestoreFailed, the
 * driver's: in every case nothing is there afterwards.
 */
export async function moveTable(request: MoveRequest, connection: Connection, context: RunContext): Promise<Moved> {
  const { table, staging, shape, live, acting } = request;
  const lacking = await lackingOf(table, staging, connection);
  requireTakable(lacking, request.withNeeded, describePlace(live.settings));
  await connection.run(`BEGIN; ${lockTimeout}`);
  if (lacking.length > 0) await makeNeeded(lacking, request, connection, context);
  let stripped = !shape.rights;
  const strip = async (): Promise<void> => {
    if (stripped) return;
    stripped = true;
    await stripDefaultRights([...table.relations, ...sequencesOf(table)], connection);
  };
  const script = await dumpRelations(staging.database, shape, context);
  const replayed: Replayed = await replayScript(script, connection, {
    types: entryTypes(acting),
    mayTouch: touchable(table),
    presentRoles: live.roles,
    beforeRights: strip,
  });
  await strip();
  await makeStatistics(table, staging.connection, connection, shape.owners ? live.roles : new Set());
  for (const { statement } of request.keys) await connection.run(statement);
  const rows = await compareRows(table.relations, staging.connection, connection);
  await commitSurely(connection, live.settings, context);
  return { rows, leftOut: replayed.leftOut, along: lacking };
}

const sequencesOf = ({ objects }: StagedTable): QualifiedName[] => objects.filter(({ kind }) => kind === "sequence");

/** The table, its partitions, and what belongs to them. */
function touchable({ relations, objects }: StagedTable): ReadonlySet<string> {
  return new Set([...relations, ...objects].map(keyOf));
}

/**
 * Rights that the live database gives every new table (ALTER DEFAULT PRIVILEGES) are not the
 * backup's.
 */
async function stripDefaultRights(relations: readonly QualifiedName[], connection: Connection): Promise<void> {
  for (const relation of relations) {
    const name = quoteQualified(relation);
    const grantees = await connection.rows<{ grantee: string; kind: string }>(
      `SELECT DISTINCT coalesce(pg_catalog.quote_ident(r.rolname::text), 'PUBLIC') AS grantee, c.relkind::text AS kind
       FROM pg_catalog.pg_class c, LATERAL pg_catalog.aclexplode(c.relacl) a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
       WHERE c.oid = $1::pg_catalog.regclass AND a.grantee <> c.relowner`,
      [name],
    );
    for (const { grantee, kind } of grantees)
      await connection.run(`REVOKE ALL ON ${kind === "S" ? "SEQUENCE" : "TABLE"} ${name} FROM ${grantee}`);
  }
}

/** Errors: RestoreDiffers. Gives the number of rows. */
async function compareRows(relations: readonly StagedRelation[], staged: Connection, live: Connection): Promise<number> {
  let rows = 0;
  for (const relation of relations.filter(({ kind }) => kind === "r")) {
    const from = `ONLY ${quoteQualified(relation)}`;
    const [expected, arrived] = [await hashRows(from, undefined, staged), await hashRows(from, undefined, live)];
    if (expected.rows !== arrived.rows || expected.hash !== arrived.hash) {
      throw new HoldfastError(
        "RestoreDiffers",
        `what arrived in ${spellQualified(relation.schema, relation.name)} is not what was staged (${arrived.rows} of ${expected.rows} rows); nothing was changed`,
        { hint: "Report this with the versions of both servers; restore the whole backup to a new database meanwhile." },
      );
    }
    rows += arrived.rows;
  }
  return rows;
}
