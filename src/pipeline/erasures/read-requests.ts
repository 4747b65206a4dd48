/**
 * Erasures as people, files and events write them, turned into what is recorded. Messages name
 * members and columns, never a value.
 */
import { type ErasureTarget, parseTable } from "../../proof/erasure.ts";
import type { ErasureRequest } from "./record-erasures.ts";

/** What a list of erasures leaves out of each of them. */
export interface ErasureDefaults {
  readonly reason?: string | undefined;
  readonly reference?: string | undefined;
  readonly at?: string | undefined;
  readonly table?: string | undefined;
}

const targetMembers = ["table", "key", "set", "path"];
const members = [...targetMembers, "targets", "id", "at", "reason", "reference"];

/** The request that `written` means, or what is wrong with it. */
export function readRequest(written: unknown, defaults: ErasureDefaults = {}): ErasureRequest | { readonly problem: string } {
  if (!isObject(written)) return { problem: "it is not an object" };
  const unknown = Object.keys(written).find((name) => !members.includes(name));
  if (unknown !== undefined) return { problem: `the member ${JSON.stringify(unknown.slice(0, 50))} means nothing` };
  const { targets, id, at = defaults.at, reason = defaults.reason, reference = defaults.reference } = written;
  const own = Object.fromEntries(Object.entries(written).filter(([name]) => targetMembers.includes(name)));
  if (targets !== undefined && Object.keys(own).length > 0)
    return { problem: "it has targets, and a table or path beside them: write all of them as targets" };
  if (targets !== undefined && !Array.isArray(targets)) return { problem: "its targets are not a list" };
  const read = ((targets as unknown[] | undefined) ?? [own]).map((target) => readTarget(target, defaults.table));
  for (const target of read) if ("problem" in target) return target;
  if (typeof reason !== "string" || reason.trim() === "") return { problem: "it has no reason: why the law wants it erased" };
  for (const [name, value] of Object.entries({ id, at, reference })) {
    if (value !== undefined && typeof value !== "string") return { problem: `its ${name} is not a text` };
  }
  const erasedAt = at === undefined ? undefined : readInstant(at as string);
  if (at !== undefined && erasedAt === undefined) return { problem: "its time is not one such as 2026-11-28T14:32:00Z" };
  return {
    targets: read as ErasureTarget[],
    reason,
    ...(id === undefined ? {} : { id: id as string }),
    ...(reference === undefined ? {} : { reference: reference as string }),
    ...(erasedAt === undefined ? {} : { erasedAt }),
  };
}

/** A time with its zone, as documents have it. */
export function readInstant(text: string): string | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/.test(text)) return undefined;
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

function readTarget(written: unknown, defaultTable: string | undefined): ErasureTarget | { readonly problem: string } {
  if (!isObject(written)) return { problem: "a target is not an object" };
  const { path, table = path === undefined ? defaultTable : undefined, key, set } = written;
  const unknown = Object.keys(written).find((name) => !targetMembers.includes(name));
  if (unknown !== undefined) return { problem: `the member ${JSON.stringify(unknown.slice(0, 50))} of a target means nothing` };
  if (path !== undefined) {
    if (typeof path !== "string" || path === "") return { problem: "its path is not a text" };
    return table === undefined && key === undefined && set === undefined ? { path } : { problem: "it has a path and a table" };
  }
  const named = typeof table === "string" ? parseTable(table) : undefined;
  if (named === undefined) return { problem: "its table is not written as schema.table, such as public.users" };
  const columns = readColumns(key, false);
  if (columns === undefined) return { problem: 'its key does not give columns and values, such as {"id": "42"}' };
  if (set === undefined) return { ...named, key: columns as Readonly<Record<string, string>> };
  const overwritten = readColumns(set, true);
  if (overwritten === undefined) return { problem: 'its set does not give columns and values, such as {"email": null}' };
  return { ...named, key: columns as Readonly<Record<string, string>>, set: overwritten };
}

/**
 * JSON's numbers and booleans as the texts that they are; numbers that JSON has rounded are not.
 */
function readColumns(given: unknown, nulls: boolean): Readonly<Record<string, string | null>> | undefined {
  if (!isObject(given)) return undefined;
  const read: [string, string | null][] = [];
  for (const [column, value] of Object.entries(given)) {
    if (typeof value === "string" || typeof value === "boolean" || Number.isSafeInteger(value)) read.push([column, String(value)]);
    else if (value === null && nulls) read.push([column, null]);
    else return undefined;
  }
  return read.length === 0 ? undefined : Object.fromEntries(read);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
