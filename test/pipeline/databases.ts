/**
 * Databases that live for weeks, for the tests of what is suspicious: ordinary ones, and accidents
 * that happen to them.
 */
import { chooseBaseline } from "../../src/pipeline/suspicion/choose-baseline.ts";
import type { ContentFigures, PartFigures } from "../../src/pipeline/suspicion/content-figures.ts";
import { findSuspicions } from "../../src/pipeline/suspicion/suspicion.ts";

const dayMs = 86_400_000;
const firstDay = Date.UTC(2026, 0, 12, 2);

/** A generator of numbers from 0 to 1 that depends on its seed alone (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Table {
  rows: number;
  rowBytes: number;
  density: number;
  version: number;
}

export interface Database {
  readonly tables: Map<string, Table>;
  /** One night's life. */
  live(day: number): void;
  /** A table of some size that neither comes nor goes by itself. */
  steady(): string;
}

const isMonthStart = (day: number): boolean => new Date(firstDay + day * dayMs).getUTCDate() === 1;
const stamp = (day: number): string => new Date(firstDay + day * dayMs).toISOString().slice(0, 10).replaceAll("-", "_");

/**
 * A database of everyday tables: growth, look-ups, queues, sessions, partitions, batch loads, month
 * ends, migrations.
 */
export function createDatabase(random: () => number): Database {
  const tables = new Map<string, Table>();
  const between = (low: number, high: number): number => low + random() * (high - low);
  const whole = (low: number, high: number): number => Math.floor(between(low, high + 1));
  const make = (name: string, rows: number): void => {
    tables.set(name, { rows, rowBytes: whole(30, 300), density: between(0.12, 0.42), version: 0 });
  };
  const steady = ["orders", "customers", "documents", "audit"].map((name) => `table public.${name}`);
  for (const name of steady) make(name, whole(150, 200_000));
  make("table public.countries", whole(1, 90));
  make("table public.settings", whole(1, 30));
  make("table public.jobs", whole(0, 80));
  make("table public.queue_mail", whole(0, 5_000));
  make("table public.sessions", whole(1_000, 1_800));
  make("table staging.import", 0);
  for (let day = -14; day < 0; day++) make(`table public.events_${stamp(day)}`, whole(800, 1_200));
  const months = [...Array(13).keys()].map((month) => new Date(Date.UTC(2025, month, 1)).toISOString().slice(0, 7));
  for (const month of months) make(`table public.sales_${month.replace("-", "_")}`, whole(2_000, 9_000));
  let renamed = 0;
  const clearedOn = new Map<string, number>();
  /**
   * What is old is cleared up now and then; not night after night, which would be a table that
   * melts away.
   */
  const clear = (name: string, day: number): number => {
    const share = between(0.7, 1);
    if (day - (clearedOn.get(name) ?? Number.NEGATIVE_INFINITY) < 3) return between(1, 1.03);
    clearedOn.set(name, day);
    return share;
  };

  const change = (name: string, factor: number): void => {
    const table = tables.get(name);
    if (table === undefined) return;
    table.rows = Math.max(0, Math.round(table.rows * factor));
    table.version++;
  };
  const nudge = (table: Table): void => {
    table.density = Math.min(0.45, Math.max(0.1, table.density * between(0.97, 1.03)));
  };

  return {
    tables,
    steady: () => steady[whole(0, steady.length - 1)] ?? "",
    live(day) {
      for (const name of steady) {
        // Growth, a batch load now and then, a clearing up of what is old, an UPDATE of all rows at
        // the month's end.
        change(name, random() < 0.04 ? between(1.5, 3) : random() < 0.05 ? clear(name, day) : between(1, 1.03));
        const table = tables.get(name);
        if (table === undefined) continue;
        nudge(table);
        if (isMonthStart(day)) table.rowBytes = Math.round(table.rowBytes * between(0.95, 1.1));
      }
      const set = (name: string, rows: number): void => {
        const table = tables.get(name);
        if (table !== undefined) Object.assign(table, { rows, version: table.version + 1 });
      };
      set("table public.jobs", random() < 0.4 ? 0 : whole(1, 80));
      set("table public.queue_mail", random() < 0.5 ? 0 : whole(1, 5_000));
      set("table public.sessions", whole(1_000, 1_800));
      set("table staging.import", random() < 0.2 ? whole(1, 60) : 0);
      make(`table public.events_${stamp(day)}`, whole(800, 1_200));
      tables.delete(`table public.events_${stamp(day - 15)}`);
      if (isMonthStart(day)) {
        make(`table public.sales_${stamp(day).slice(0, 7)}`, whole(0, 50));
        const oldest = [...tables.keys()].filter((name) => name.includes("sales_")).sort()[0] ?? "";
        tables.delete(oldest);
      }
      if (random() < 0.05) make(`table public.feature_${day}`, whole(0, 3_000));
      // Two backups before it know that it was not there.
      if (day >= 3 && random() < 0.05) make(`table public.copy_of_night_${day}`, whole(1, 3_000));
      tables.delete(`table public.copy_of_night_${day - 1}`);
      if (random() < 0.03) {
        const audit = steady.findIndex((name) => name.includes("audit"));
        const [old, next] = [steady[audit] ?? "", `table public.audit_${["a", "b", "c", "d", "e", "f"][renamed++ % 6]}x`];
        const table = tables.get(old);
        if (table !== undefined) tables.set(next, table);
        tables.delete(old);
        steady[audit] = next;
      }
    },
  };
}

export function figuresOfTables(tables: ReadonlyMap<string, Table>): ContentFigures {
  const parts = new Map<string, PartFigures>();
  for (const [object, { rows, rowBytes, density, version }] of tables) {
    const bytes = rows * rowBytes;
    const sampled = Math.min(bytes, 65_536);
    const sample = sampled < 1_024 ? {} : { sample: { bytes: sampled, compressedBytes: Math.round(sampled * density) } };
    parts.set(object, { object, rows, bytes, sha256: `${object} ${version}`, ...sample });
  }
  return { parts, partitions: new Set() };
}

export interface NightlyBackup {
  readonly startedAt: Date;
  readonly figures: ContentFigures;
}

/**
 * Backs up after each of `days` nights; gives the trusted backups, and what was found suspicious on
 * the way, by day.
 */
export function runNights(
  database: Database,
  days: number,
  isVolatile: (object: string) => boolean = () => false,
): { readonly trusted: NightlyBackup[]; readonly alarms: { readonly day: number; readonly findings: readonly string[] }[] } {
  const trusted: NightlyBackup[] = [];
  const alarms: { day: number; findings: readonly string[] }[] = [];
  for (let day = 0; day < days; day++) {
    database.live(day);
    const findings = judge(database, trusted, day, isVolatile);
    if (findings.length > 0) alarms.push({ day, findings });
    trusted.push({ startedAt: new Date(firstDay + day * dayMs), figures: figuresOfTables(database.tables) });
  }
  return { trusted, alarms };
}

export function judge(
  database: Pick<Database, "tables">,
  trusted: readonly NightlyBackup[],
  day: number,
  isVolatile: (object: string) => boolean = () => false,
): string[] {
  const startedAt = new Date(firstDay + day * dayMs);
  const history = chooseBaseline(trusted, startedAt).map(({ figures }) => figures);
  return findSuspicions(figuresOfTables(database.tables), history, { maxDropShare: 0.5, isVolatile });
}

const toRows = (share: number) => (table: Table) => {
  table.rows = Math.floor(table.rows * share);
  table.version++;
};
const encrypt = (growth: number, density: number) => (table: Table) => {
  table.rowBytes = Math.round(table.rowBytes * growth + 24);
  table.density = density;
  table.version++;
};

/**
 * Nights in each of which a table loses a share that is below the policy's, and gets no more than
 * it loses; by day, what was found.
 */
export function loseSlowly(
  database: Database,
  trusted: readonly NightlyBackup[],
  { names, share, nights, keep, day }: { names: readonly string[]; share: number; nights: number; keep: number; day: number },
): string[][] {
  const kept = [...trusted];
  return Array.from({ length: nights }, (_, night) => {
    for (const name of names) {
      const table = database.tables.get(name);
      if (table !== undefined) Object.assign(table, { rows: Math.floor(table.rows * (1 - share)), version: table.version + 1 });
    }
    const findings = judge(database, kept.slice(-keep), day + night);
    if (findings.length === 0)
      kept.push({ startedAt: new Date(firstDay + (day + night) * dayMs), figures: figuresOfTables(database.tables) });
    return findings;
  });
}

/** What happens to one table. */
export const accidents: Readonly<Record<string, (database: Database, name: string) => void>> = {
  drop: ({ tables }, name) => void tables.delete(name),
  truncate: ({ tables }, name) => toRows(0)(tables.get(name) as Table),
  "delete 60 %": ({ tables }, name) => toRows(0.4)(tables.get(name) as Table),
  "encrypt, base64": ({ tables }, name) => encrypt(4 / 3, 0.77)(tables.get(name) as Table),
  "encrypt, hexadecimal": ({ tables }, name) => encrypt(2, 0.57)(tables.get(name) as Table),
  "set one value everywhere": ({ tables }, name) => Object.assign(tables.get(name) as Table, { density: 0.02 }),
  "clear the long column": ({ tables }, name) => {
    const table = tables.get(name) as Table;
    table.rowBytes = Math.round(table.rowBytes * 0.3);
  },
};
