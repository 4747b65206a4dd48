/**
 * Takes erased rows out of a restored database: in one transaction, every erasure under a savepoint
 * of its own, with the database's own foreign keys and triggers at work as in production; and sees
 * afterwards that nothing of them is left (docs/erasures.md).
 */
import {
  type ErasureOutcome,
  type ErasureTarget,
  pathsObject,
  type RowErasure,
  tableObject,
  type UnmetErasures,
} from "../../../proof/erasure.ts";
import type { Connection } from "../connection/driver.ts";
import { describeRefusal, isOf } from "./erase-refusals.ts";
import { castStatement, changeStatement, type ErasureGroup, remainingStatement, type Statement } from "./erase-statements.ts";
import { planErasures } from "./erase-tables.ts";
import { refreshViews } from "./erase-views.ts";

/** Erasures of a group that met no row or were refused, and the rows that went. */
interface Tally {
  erased: number;
  notFound: number;
}

interface Attempt {
  readonly tallies: Map<string, Tally>;
  readonly refused: UnmetErasures[];
}

/** As Engine's Place.erase: files are none of a database's. Errors: those of eraseRows. */
export async function eraseInDatabase(
  connection: Connection,
  targets: readonly ErasureTarget[],
  older: readonly ErasureTarget[],
): Promise<ErasureOutcome> {
  const isRow = (target: ErasureTarget): target is RowErasure => "table" in target;
  const outcome = await eraseRows(connection, targets.filter(isRow), older.filter(isRow));
  const paths = targets.filter((target) => !isRow(target)).length;
  if (paths === 0) return outcome;
  const unmet = { object: pathsObject, count: paths, reason: "the backup is of a database" };
  return { ...outcome, notApplicable: [...outcome.notApplicable, unmet] };
}

/**
 * Erases `targets` in the database of `connection`, and counts what of `older` is there. What could
 * not be erased is in `refused`; all else is committed. Errors: the driver's, when the connection
 * failed.
 */
export async function eraseRows(
  connection: Connection,
  targets: readonly RowErasure[],
  older: readonly RowErasure[],
): Promise<ErasureOutcome> {
  const plan = await planErasures(targets, connection);
  const later = await planErasures(older, connection);
  // Triggers find their tables as they do in production.
  await connection.run("BEGIN; SET LOCAL search_path TO DEFAULT; SET LOCAL row_security = off");
  try {
    const fit = await keepAllFit(connection, plan.groups);
    const done = await eraseWithin(connection, fit.groups);
    const stillThere = await countOlder(connection, (await keepAllFit(connection, later.groups)).groups);
    await connection.run("COMMIT");
    return {
      objects: [...done.tallies].map(([object, tally]) => ({ object, ...tally })),
      notApplicable: [...plan.notApplicable.flatMap(unmetOf), ...fit.unfit],
      refused: [...plan.refused.flatMap(unmetOf), ...done.refused],
      stillThere,
    };
  } catch (error) {
    await connection.client.query("ROLLBACK").catch(() => {});
    throw error;
  }
}

/**
 * First with constraints as they are declared: those that are deferred are checked at the end. When
 * one fails there, nobody can say for which erasure: then once more with all of them checked at
 * once.
 */
async function eraseWithin(connection: Connection, groups: readonly ErasureGroup[]): Promise<Attempt> {
  const attempt = async (): Promise<Attempt> => {
    const tallies = new Map(groups.map((group) => [tableObject(group), { erased: 0, notFound: 0 }]));
    const made: Attempt = { tallies, refused: [] };
    await eraseGroups(connection, groups, made);
    await connection.run("SET CONSTRAINTS ALL IMMEDIATE");
    const changed = [...tallies.values()].some(({ erased }) => erased > 0);
    if (changed) made.refused.push(...(await refreshViews(connection)));
    return made;
  };
  const whole = await tryStatement(connection, "holdfast_all", attempt);
  if ("value" in whole) return verify(connection, groups, whole.value);
  await connection.run("SET CONSTRAINTS ALL IMMEDIATE");
  const again = await tryStatement(connection, "holdfast_all", attempt);
  if ("value" in again) return verify(connection, groups, again.value);
  const reason = describeRefusal(again.error);
  return {
    tallies: new Map(),
    refused: groups.map((group) => ({ object: tableObject(group), count: group.keys.length, reason })),
  };
}

/**
 * A row that another one points to goes once that other is gone, so what is refused is tried again
 * after what was not; and a group of which one erasure is refused is taken apart.
 */
async function eraseGroups(connection: Connection, groups: readonly ErasureGroup[], made: Attempt): Promise<void> {
  let waiting: readonly ErasureGroup[] = groups;
  while (waiting.length > 0) {
    const again: { readonly group: ErasureGroup; readonly reason: string }[] = [];
    for (const group of waiting) {
      const reason = await eraseGroup(connection, group, made);
      if (reason !== undefined) again.push({ group, reason });
    }
    const isStuck = again.length === waiting.length;
    if (isStuck && again.every(({ group }) => group.keys.length === 1)) {
      for (const { group, reason } of again) made.refused.push({ object: tableObject(group), count: 1, reason });
      return;
    }
    waiting = again.flatMap(({ group }) => (isStuck ? takeApart(group) : [group]));
  }
}

function takeApart(group: ErasureGroup): ErasureGroup[] {
  return group.keys.map((key) => ({ ...group, keys: [key] }));
}

/** Why it was refused, or undefined where it is done. */
async function eraseGroup(connection: Connection, group: ErasureGroup, made: Attempt): Promise<string | undefined> {
  const changed = await tryStatement(connection, "holdfast_one", () => ask(connection, changeStatement(group)));
  if ("error" in changed) return describeRefusal(changed.error);
  const tally = made.tallies.get(tableObject(group)) as Tally;
  tally.erased += changed.value.reduce((sum, { rows }) => sum + Number(rows), 0);
  tally.notFound += group.keys.length - changed.value.length;
  return undefined;
}

/**
 * The group without values that its columns cannot hold: no row has them, and they would fail the
 * others' statement. They are told by halves.
 */
async function keepFit(connection: Connection, group: ErasureGroup, unfit: UnmetErasures[]): Promise<ErasureGroup> {
  const cast = await tryStatement(connection, "holdfast_cast", () => ask(connection, castStatement(group)));
  if ("value" in cast) return group;
  const { keys } = group;
  if (keys.length === 1) {
    const columns = group.columns.map(({ name, storedType }) => `${name} (${storedType})`).join(", ");
    const reason = `the value is not one that the column can hold: ${columns}`;
    unfit.push({ object: tableObject(group), count: 1, reason });
    return { ...group, keys: [] };
  }
  const middle = Math.ceil(keys.length / 2);
  const first = await keepFit(connection, { ...group, keys: keys.slice(0, middle) }, unfit);
  const second = await keepFit(connection, { ...group, keys: keys.slice(middle) }, unfit);
  return { ...group, keys: [...first.keys, ...second.keys] };
}

async function keepAllFit(connection: Connection, groups: readonly ErasureGroup[]) {
  const unfit: UnmetErasures[] = [];
  const fit: ErasureGroup[] = [];
  for (const group of groups) fit.push(await keepFit(connection, group, unfit));
  return { unfit, groups: fit.filter(({ keys }) => keys.length > 0) };
}

/** Triggers and rules may do something else than they were asked to. */
async function verify(connection: Connection, groups: readonly ErasureGroup[], made: Attempt): Promise<Attempt> {
  const refused = [...made.refused];
  if (refused.length > 0) return made;
  for (const group of groups) {
    const left = await countRows(connection, group);
    if (left !== 0) {
      const reason =
        left === undefined
          ? "whether its rows are gone cannot be seen"
          : `${left} rows are still there after they were erased: a trigger or a rule keeps them`;
      refused.push({ object: tableObject(group), count: group.keys.length, reason });
    }
  }
  return { ...made, refused };
}

async function countOlder(connection: Connection, groups: readonly ErasureGroup[]): Promise<ErasureOutcome["stillThere"]> {
  const there: { readonly object: string; readonly found: number }[] = [];
  for (const group of groups) {
    const found = await countRows(connection, group);
    if (found !== undefined && found > 0) there.push({ object: tableObject(group), found });
  }
  return there;
}

/** Undefined where the server does not say. */
async function countRows(connection: Connection, group: ErasureGroup): Promise<number | undefined> {
  const counted = await tryStatement(connection, "holdfast_count", () => ask(connection, remainingStatement(group)));
  return "value" in counted ? Number(counted.value[0]?.rows ?? 0) : undefined;
}

interface Counted {
  readonly n: string;
  readonly rows: string;
}

/**
 * Not through Connection.rows: its errors have the server's own words, which repeat values of keys.
 */
async function ask(connection: Connection, { text, values }: Statement): Promise<Counted[]> {
  return (await connection.client.query<Counted>(text, [...values])).rows;
}

/**
 * Runs `work` under a savepoint; what the server refuses is undone and given. Errors: those that do
 * not come from the server.
 */
async function tryStatement<T>(
  connection: Connection,
  savepoint: string,
  work: () => Promise<T>,
): Promise<{ readonly value: T } | { readonly error: unknown }> {
  await connection.run(`SAVEPOINT ${savepoint}`);
  try {
    const value = await work();
    await connection.run(`RELEASE SAVEPOINT ${savepoint}`);
    return { value };
  } catch (error) {
    if (!isOf(error, "server")) throw error;
    await connection.run(`ROLLBACK TO SAVEPOINT ${savepoint}; RELEASE SAVEPOINT ${savepoint}`);
    return { error };
  }
}

function unmetOf({ erasures, reason }: { readonly erasures: readonly RowErasure[]; readonly reason: string }): UnmetErasures[] {
  const [first] = erasures;
  return first === undefined ? [] : [{ object: tableObject(first), count: erasures.length, reason }];
}
