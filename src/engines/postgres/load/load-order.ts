/**
 * The order of a load: event triggers and mappings to foreign servers last, views that read foreign
 * tables without their rows.
 */
import type { PostgresSource } from "../../../policy/engines/postgres/source.ts";
import type { LoadFinding } from "../../../proof/content.ts";
import type { LoadOrder } from "../archive/archive-structure.ts";

export interface LoadPlan {
  /** Numbers of entries that are left to the end. */
  readonly last: ReadonlySet<number>;
  /** Numbers of materialized views that are made and not filled. */
  readonly unfilled: ReadonlySet<number>;
}

/** What the policy allows a load beyond what every load does. */
export interface Allowances {
  readonly foreignServers: boolean;
  readonly withoutExtensions: readonly string[];
}

/** Without a source in the policy nothing more is allowed. */
export function readAllowances(source: Pick<PostgresSource, "restoreTest"> | undefined): Allowances {
  const { foreignServers = false, withoutExtensions = [] } = source?.restoreTest ?? {};
  return { foreignServers, withoutExtensions };
}

/** One line of `pg_restore --list --verbose`. */
export interface ListedEntry {
  readonly dumpId: number;
  readonly fillsView: boolean;
  /** Of entries that hold content: `TABLE DATA`, `SEQUENCE SET` …; no definition is of these. */
  readonly contentType?: string | undefined;
  readonly dependencies: readonly number[];
}

export interface LoadLists {
  readonly first: readonly number[];
  /**
   * Materialized views, filled after Holdfast granted rights itself: their owners may need them.
   */
  readonly views: readonly number[];
  readonly last: readonly number[];
}

/**
 * Event triggers come last on every major: none fires for what Holdfast loads, in whatever order
 * its sessions work. Mappings to foreign servers come last too, and views over foreign tables stay
 * empty, unless the policy allows connections to them.
 */
export function planLoad(order: LoadOrder, allowed: Pick<Allowances, "foreignServers">): LoadPlan {
  if (allowed.foreignServers) return { last: order.eventTriggers, unfilled: new Set() };
  const unfilled = order.foreignViews.flatMap(({ dumpId }) => (dumpId === undefined ? [] : [dumpId]));
  return { last: new Set([...order.eventTriggers, ...order.userMappings]), unfilled: new Set(unfilled) };
}

/** What a plan leaves out, as findings: the views are there, and empty. */
export function describeUnfilled(
  order: LoadOrder,
  allowed: Pick<Allowances, "foreignServers">,
  only?: ReadonlySet<number>,
): LoadFinding[] {
  if (allowed.foreignServers) return [];
  const views = order.foreignViews.filter(({ dumpId = 0 }) => only?.has(dumpId) ?? true);
  return views.map(({ schema, name }) => ({
    class: "lacking",
    subject: `MATERIALIZED VIEW DATA ${schema}.${name}`,
    message: "not refreshed: it reads foreign tables, and Holdfast does not connect to foreign servers unless it is asked to",
  }));
}

/** The digest's objects that views without their rows lack. */
export function unfilledObjects(order: LoadOrder, allowed: Pick<Allowances, "foreignServers">): string[] {
  return describeUnfilled(order, allowed).map(({ subject }) => `schema ${subject}`);
}

/** The archive's own order, and all of it. */
export const emptyPlan: LoadPlan = { last: new Set(), unfilled: new Set() };

export function isEmptyPlan({ last, unfilled }: LoadPlan): boolean {
  return last.size === 0 && unfilled.size === 0;
}

const contentLine = /^(\d+); \d+ \d+ (?:(MATERIALIZED VIEW DATA|TABLE DATA|SEQUENCE SET|STATISTICS DATA|BLOB METADATA|BLOBS?) )?/;

/** Reads the output of `pg_restore --list --verbose`. */
export function parseList(text: string): ListedEntry[] {
  const entries: { dumpId: number; fillsView: boolean; contentType: string | undefined; dependencies: number[] }[] = [];
  for (const line of text.split("\n")) {
    const entry = contentLine.exec(line);
    if (entry !== null) {
      const [, number, contentType] = entry;
      const fillsView = contentType === "MATERIALIZED VIEW DATA";
      entries.push({ dumpId: Number(number), fillsView, contentType, dependencies: [] });
    }
    const needed = /^;\s+depends on:((?: \d+)+)$/.exec(line)?.[1];
    if (needed !== undefined) entries.at(-1)?.dependencies.push(...needed.trim().split(" ").map(Number));
  }
  return entries;
}

/**
 * Entries by when they are loaded; those in `granted`, which Holdfast grants itself, are in no
 * list.
 */
export function splitList(
  entries: readonly ListedEntry[],
  { last, unfilled }: LoadPlan,
  granted: ReadonlySet<number> = new Set(),
): LoadLists {
  const wanted = entries
    .filter((entry) => !entry.fillsView || !entry.dependencies.some((dumpId) => unfilled.has(dumpId)))
    .filter(({ dumpId }) => !granted.has(dumpId));
  const isView = ({ dumpId, fillsView }: ListedEntry): boolean => fillsView && granted.size > 0 && !last.has(dumpId);
  const numbers = (chosen: readonly ListedEntry[]): number[] => chosen.map(({ dumpId }) => dumpId);
  return {
    first: numbers(wanted.filter((entry) => !last.has(entry.dumpId) && !isView(entry))),
    views: numbers(wanted.filter(isView)),
    last: numbers(wanted.filter(({ dumpId }) => last.has(dumpId))),
  };
}
