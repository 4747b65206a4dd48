/**
 * Figures in words for people: bytes, durations, ages, throughput, tables. The same everywhere, so
 * that they compare at a glance.
 */
import { displayWidth } from "./display-width.ts";
import { escapeLine } from "./styled-text.ts";

const byteUnits = ["B", "kB", "MB", "GB", "TB", "PB"] as const;

/** Decimal units, as providers bill: `0 B`, `999 B`, `1.5 kB`, `12.3 MB`, `456 GB`. */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return "unknown";
  if (bytes < 0) return `-${formatBytes(-bytes)}`;
  let value = bytes;
  let unit = 0;
  // 999.5 would round to 1000.
  while (value >= 999.5 && unit < byteUnits.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${byteUnits[unit]}`;
}

/** Bytes over milliseconds: `52.1 MB/s`; `-` where no time has passed. */
export function formatThroughput(bytes: number, elapsedMs: number): string {
  return elapsedMs > 0 ? `${formatBytes((bytes * 1000) / elapsedMs)}/s` : "-";
}

/**
 * Milliseconds in the two units that matter: `850 ms`, `2.4 s`, `1 min 5 s`, `2 h 3 min`,
 * `3 d 4 h`.
 */
export function formatDuration(milliseconds: number): string {
  if (!Number.isFinite(milliseconds)) return "unknown";
  if (milliseconds < 0) return `-${formatDuration(-milliseconds)}`;
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1).replace(/\.0$/, "")} s`;
  return formatSeconds(Math.round(milliseconds / 1000));
}

function formatSeconds(seconds: number): string {
  if (seconds < 3600) return pair(Math.floor(seconds / 60), "min", seconds % 60, "s");
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return pair(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.round(seconds / 3600);
  return pair(Math.floor(hours / 24), "d", hours % 24, "h");
}

function pair(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${big} ${bigUnit}` : `${big} ${bigUnit} ${small} ${smallUnit}`;
}

/**
 * The time from `then` to `now`, whole seconds: `5 s`, `3 h 12 min`, `40 d`; `in 5 min` for what is
 * yet to come.
 */
export function formatAge(then: Date, now: Date): string {
  const elapsedMs = Math.trunc((now.getTime() - then.getTime()) / 1000) * 1000;
  if (elapsedMs < 0) return `in ${formatDuration(-elapsedMs)}`;
  if (elapsedMs === 0) return "0 s";
  // After a week, hours say nothing.
  const dayMs = 86_400_000;
  return formatDuration(elapsedMs >= 7 * dayMs ? Math.floor(elapsedMs / dayMs) * dayMs : elapsedMs);
}

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Per column; left where nothing is said. */
  readonly align?: readonly ("left" | "right")[] | undefined;
}

/**
 * The table's lines: columns two spaces apart, as wide as their widest cell on a terminal (styles
 * count nothing, wide characters two), without trailing spaces. Cells may be styled; whatever else
 * a terminal would obey is written out.
 */
export function renderTable({ head, rows, align = [] }: Table): string[] {
  const lines = [head, ...rows].map((cells) => cells.map(escapeLine));
  const widths = head.map((_, column) => lines.reduce((widest, cells) => Math.max(widest, displayWidth(cells[column] ?? "")), 0));
  return lines.map((cells) =>
    widths
      .map((width, column) => pad(cells[column] ?? "", width, align[column] ?? "left"))
      .join("  ")
      .trimEnd(),
  );
}

function pad(cell: string, width: number, side: "left" | "right"): string {
  const padding = " ".repeat(Math.max(0, width - displayWidth(cell)));
  return side === "left" ? cell + padding : padding + cell;
}
