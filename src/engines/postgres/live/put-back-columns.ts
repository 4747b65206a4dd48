/** Which columns of a backup's rows go into the live table as it is today. Pure. */
import { HoldfastError } from "../../../errors/holdfast-error.ts";

export interface TableColumn {
  readonly name: string;
  /** As format_type writes it. */
  readonly type: string;
  readonly notNull: boolean;
  readonly hasDefault: boolean;
  /** Computed by the server from others. */
  readonly generated: boolean;
  readonly identity: boolean;
}

export interface ColumnPlan {
  /** Copied, in the backup's order. */
  readonly columns: readonly string[];
  /** In the backup, and no longer in the live table. */
  readonly dropped: readonly string[];
  /** In the live table since the backup: they get their defaults. */
  readonly added: readonly string[];
  /** Of another type today, which takes all values of the one before. */
  readonly widened: readonly string[];
}

/**
 * `widens` says whether a type takes all values of another. Errors: RestoreRefused, naming every
 * column that keeps the rows from being put back as they were.
 */
export function planColumns(
  backup: readonly TableColumn[],
  live: readonly TableColumn[],
  widens: (from: string, to: string) => boolean,
  table: string,
): ColumnPlan {
  const today = new Map(live.map((column) => [column.name, column]));
  const before = new Map(backup.map((column) => [column.name, column]));
  const problems: string[] = [];
  const widened: string[] = [];
  // What the live table computes itself is not given to it, whatever it was before.
  const columns = backup.filter(({ name, generated }) => !generated && today.get(name)?.generated === false);
  for (const { name, type } of columns) {
    const other = today.get(name) as TableColumn;
    if (other.type === type) continue;
    if (widens(type, other.type)) widened.push(name);
    else problems.push(`${name} was ${type} and is ${other.type}`);
  }
  const added = live.filter(({ name, generated }) => !generated && (before.get(name)?.generated ?? true));
  for (const { name, notNull, hasDefault, identity } of added) {
    if (notNull && !hasDefault && !identity) problems.push(`${name} was added since, takes no null and has no default`);
  }
  if (columns.length === 0) problems.push("no column is left that both have");
  if (problems.length > 0) {
    throw new HoldfastError("RestoreRefused", `${table} is not what it was: ${problems.join("; ")}; nothing was touched`, {
      hint: "Restore the table beside the live one with --beside, and move the rows with SQL of your own.",
    });
  }
  return {
    columns: columns.map(({ name }) => name),
    dropped: backup.filter(({ name, generated }) => !generated && !today.has(name)).map(({ name }) => name),
    added: added.map(({ name }) => name),
    widened,
  };
}
