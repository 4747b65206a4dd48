/**
 * A table of the backup made in the live database: next to the live one, or again where that is
 * gone.
 */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import type { RunContext } from "../../../runtime/run-context.ts";
import type { LiveOutcome } from "../../place.ts";
import type { Connection } from "../connection/driver.ts";
import { spellQualified } from "../script/script-identifiers.ts";
import { type ForeignKey, readForeignKeys } from "./archive-keys.ts";
import { compareMoved } from "./compare-moved.ts";
import { readTakenNames } from "./live-database.ts";
import type { ChosenRows, LiveWork } from "./live-work.ts";
import { entryTypes, lackingOf, type Moved, moveTable } from "./move-table.ts";
import { requireTakable } from "./needed-objects.ts";
import { keyOf, planNames } from "./object-names.ts";
import { isolateStaged, renameStatements } from "./prepare-staged.ts";
import { type ActingObject, quoteQualified, readStagedTable, type StagedTable } from "./staged-table.ts";
import type { ScriptShape, Staging } from "./staging.ts";

const shapeOf = (table: StagedTable, { wanted, live }: LiveWork): ScriptShape => ({
  relations: table.relations,
  // Only a superuser gives objects away, as in any other restore.
  owners: live.superuser && !wanted.noOwner,
  rights: live.superuser && !wanted.noPrivileges,
});

/** Errors: as moveTable, and RestoreRefused for a name that is taken. */
export async function putBeside(
  table: StagedTable,
  rows: ChosenRows,
  work: LiveWork,
  connection: Connection,
  context: RunContext,
): Promise<LiveOutcome> {
  const { staging, wanted } = work;
  await isolateStaged(table, staging.connection);
  const alone = await readStagedTable(table, staging.connection);
  const renamed = await renameStaged(alone, wanted.as, staging, connection);
  const moved = await move(renamed, undefined, work, connection, context);
  const keys = await readForeignKeys(await work.openDefinitions(), table.relations);
  const left = [...table.acting.filter(({ kind }) => kind !== "foreign key").map(describeActing), ...keys.own.map(describeKey)];
  return {
    kind: "beside",
    table: spellQualified(table.schema, table.name),
    as: spellQualified(renamed.schema, renamed.name),
    applied: true,
    rows: { ...rows, inserted: moved.rows },
    notices: [
      ...(left.length === 0 ? [] : [`left out, for it acts on other tables or when they change: ${left.join("; ")}`]),
      ...(table.parents.length === 0 ? [] : ["it stands on its own, and is no part of the table that the live one is a part of"]),
      ...noticesOf(moved, work),
    ],
  };
}

async function renameStaged(table: StagedTable, as: string | undefined, staging: Staging, live: Connection): Promise<StagedTable> {
  const objects = [...table.relations.slice(1), ...table.objects];
  const schemas = [...new Set([table, ...objects].map(({ schema }) => schema))];
  const taken = new Set([...(await readTakenNames(schemas, live)), ...(await readTakenNames(schemas, staging.connection))]);
  const names = planNames({ table, as, objects, taken });
  for (const statement of renameStatements(table, names)) await staging.connection.run(statement);
  return readStagedTable({ schema: table.schema, name: names.table }, staging.connection);
}

/** The live one is gone: the table is made again, under its own names, with all that acts. */
export async function makeAgain(
  table: StagedTable,
  rows: ChosenRows,
  work: LiveWork,
  connection: Connection,
  context: RunContext,
): Promise<LiveOutcome> {
  const { staging, wanted } = work;
  const own = [...table.relations, ...table.objects];
  const taken = await readTakenNames([...new Set(own.map(({ schema }) => schema))], connection);
  // Names of constraints may be there more than once in a schema.
  const inTheWay = own.filter((object) => !("kind" in object && object.kind === "constraint") && taken.has(keyOf(object)));
  if (inTheWay.length > 0) {
    const names = inTheWay.map(({ schema, name }) => spellQualified(schema, name));
    throw new HoldfastError(
      "RestoreRefused",
      `the table is gone, and the names of its parts are taken: ${names.join(", ")}; nothing was touched`,
      {
        hint: "Rename what has those names, or restore the table beside it with --beside --as NAME.",
      },
    );
  }
  requireTakable(await lackingOf(table, staging, connection), wanted.withNeeded, "the live database");
  const spelled = spellQualified(table.schema, table.name);
  const before = { kind: "made again", table: spelled, as: spelled } as const;
  const keys = await readForeignKeys(await work.openDefinitions(), table.relations);
  const referring = keys.referring.map(describeKey);
  const notices = [
    `${spelled} is not there: it is made again, with its triggers and foreign keys`,
    ...describeParents(table),
    ...(referring.length === 0
      ? []
      : [`foreign keys of other tables that may have gone with it are not made: ${referring.join("; ")}`]),
  ];
  if (!wanted.confirmed) return { ...before, applied: false, rows: { ...rows, missing: rows.chosen, inserted: 0 }, notices };
  // Others' foreign keys are not the table's to make, and no table that is there is given a part.
  // Its own to tables that were staged as well are among those that the archive names.
  const acting = table.acting.filter(({ kind }) => kind === "foreign key");
  await isolateStaged({ ...table, acting }, staging.connection);
  const moved = await move(table, keys.own, work, connection, context);
  return {
    ...before,
    applied: true,
    rows: { ...rows, missing: rows.chosen, inserted: moved.rows },
    notices: [...notices, ...noticesOf(moved, work)],
  };
}

/** How the table is made part again of what it was taken out of. */
function describeParents({ parents, ...table }: StagedTable): string[] {
  const statements = parents.map(({ partition, bound, ...parent }) =>
    partition
      ? `ALTER TABLE ${quoteQualified(parent)} ATTACH PARTITION ${quoteQualified(table)} ${bound}`
      : `ALTER TABLE ${quoteQualified(table)} INHERIT ${quoteQualified(parent)}`,
  );
  return statements.length === 0 ? [] : [`it stands on its own, and is no part of another table: ${statements.join("; ")}`];
}

/** `keys`: its foreign keys to other tables, where triggers, rules and keys are made, too. */
async function move(
  table: StagedTable,
  keys: readonly ForeignKey[] | undefined,
  work: LiveWork,
  connection: Connection,
  context: RunContext,
): Promise<Moved> {
  const { staging, live, wanted, tools } = work;
  const shape = shapeOf(table, work);
  const acting = keys !== undefined;
  const request = { table, staging, live, acting, keys: keys ?? [], shape, withNeeded: wanted.withNeeded };
  const moved = await moveTable(request, connection, context);
  const sides = {
    staged: staging.database,
    live: { settings: live.settings, pgDump: tools.pgDump },
    shape,
    types: entryTypes(acting),
    leftOut: moved.leftOut,
    keys: new Set((keys ?? []).map(({ object }) => object)),
    crossMajor: live.serverMajor !== staging.serverMajor,
  };
  const comparison = await compareMoved(sides, context);
  if (!comparison.equal) {
    throw new HoldfastError(
      "RestoreDiffers",
      `${spellQualified(table.schema, table.name)} is in the live database with all its rows, and ${comparison.differenceCount} of its definitions are not those of the backup`,
      {
        details: comparison.differences.map(({ object, problem }) => `${object}: ${problem}`),
        hint: "Look at the differences: use the table, or drop it.",
      },
    );
  }
  for (const relation of table.relations) await connection.run(`ANALYZE ${quoteQualified(relation)}`).catch(() => undefined);
  return moved;
}

const describeKey = ({ statement }: ForeignKey): string => `foreign key (${statement.replaceAll(/\s+/g, " ")})`;

const describeActing = ({ kind, name, definition }: ActingObject): string =>
  `${kind} ${name} (${definition.replaceAll(/\s+/g, " ")})`;

function noticesOf({ leftOut, along }: Moved, { live, wanted }: LiveWork): string[] {
  return [
    ...(along.length === 0
      ? []
      : [
          `made as well, because the live database lacked it: ${along.map(({ type, identity }) => `${type} ${identity}`).join(", ")}`,
        ]),
    ...(leftOut.length === 0
      ? []
      : [`left out, for roles that are missing here: ${leftOut.map(({ statement }) => statement).join("; ")}`]),
    ...(live.superuser || (wanted.noOwner && wanted.noPrivileges)
      ? []
      : [`owners and grants are NOT restored: "${live.settings.user}" is not a superuser, and the table belongs to it`]),
  ];
}
