/**
 * Makes the staged table what is to arrive in the live database: under its new names, on its own,
 * and without what would act on others.
 */
import type { Connection } from "../connection/driver.ts";
import { quoteIdentifier } from "../script/script-identifiers.ts";
import { keyOf, type PlannedNames, type QualifiedName } from "./object-names.ts";
import { type ActingObject, quoteQualified, type StagedObject, type StagedTable } from "./staged-table.ts";

const rename = (what: string, { name, ...from }: QualifiedName, to: string): string =>
  `ALTER ${what} ${quoteQualified({ ...from, name })} RENAME TO ${quoteIdentifier(to)}`;

function renameObject({ kind, relation, ...object }: StagedObject, to: string): string {
  if (kind !== "constraint" || relation === undefined) return rename(kind.toUpperCase(), object, to);
  return `ALTER TABLE ${quoteQualified(relation)} RENAME CONSTRAINT ${quoteIdentifier(object.name)} TO ${quoteIdentifier(to)}`;
}

/** The statements that give the table and all that belongs to it their new names. */
export function renameStatements(table: StagedTable, names: PlannedNames): string[] {
  const [root, ...partitions] = table.relations;
  const newName = (object: QualifiedName): string => names.objects.get(keyOf(object)) ?? object.name;
  // Constraints first: they are named by their table, which has its old name until then.
  const order = ["constraint", "index", "sequence", "statistics"];
  const objects = [...table.objects].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
  return [
    ...objects.map((object) => renameObject(object, newName(object))),
    ...partitions.map((partition) => rename("TABLE", partition, newName(partition))),
    rename("TABLE", root, names.table),
  ];
}

/** Whether a foreign key is of the table: then it is among the constraints as well. */
const dropActing = ({ kind, name, relation }: ActingObject): string =>
  kind === "foreign key"
    ? `ALTER TABLE ${quoteQualified(relation)} DROP CONSTRAINT ${quoteIdentifier(name)}`
    : `DROP ${kind.toUpperCase()} ${quoteIdentifier(name)} ON ${quoteQualified(relation)}`;

/** The statements that take it out of the tables it is a part of, in the live database as well. */
function detachStatements(table: StagedTable): string[] {
  return table.parents.map((parent) =>
    parent.partition
      ? `ALTER TABLE ${quoteQualified(parent)} DETACH PARTITION ${quoteQualified(table)}`
      : `ALTER TABLE ${quoteQualified(table)} NO INHERIT ${quoteQualified(parent)}`,
  );
}

/**
 * Event triggers of the backup would fire for the statements below; rows are not looked at.
 */
export async function dropEventTriggers(connection: Connection): Promise<void> {
  const found = await connection.rows<{ name: string }>("SELECT evtname::text AS name FROM pg_catalog.pg_event_trigger");
  for (const { name } of found) await connection.run(`DROP EVENT TRIGGER ${quoteIdentifier(name)} CASCADE`);
}

/**
 * Takes triggers, rules and foreign keys of the table away, and the table out of its parents.
 * Errors: the driver's.
 */
export async function isolateStaged(table: StagedTable, connection: Connection): Promise<void> {
  const statements = [...detachStatements(table), ...table.acting.map(dropActing), ...table.referring.map(dropActing)];
  for (const statement of statements) await connection.run(statement);
}
