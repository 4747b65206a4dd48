/** Whether a backup is far smaller than those before it: a dump that lost data looks exactly like one of little data. */

import { formatBytes } from "../report/format.ts";

/** What one backup weighed. */
export interface BackupFigures {
  readonly id: string;
  readonly bytes: number;
  readonly rows: number;
}

/** Figures below this are noise: an empty database's archive is some kilobytes, whatever happens to it. */
const smallestBaselineBytes = 16_384;
const smallestBaselineRows = 100;

/**
 * Says, in sentences, how `current` fell by more than `maxDropShare` (0 to 1) below the median of `baseline`, the trusted backups before it;
 * an empty list when it did not, or when there is no baseline.
 */
export function findDrops(current: BackupFigures, baseline: readonly BackupFigures[], maxDropShare: number): string[] {
  if (baseline.length === 0) return [];
  const findings: string[] = [];
  const bytes = median(baseline.map((figures) => figures.bytes));
  const rows = median(baseline.map((figures) => figures.rows));
  const last = baseline.length === 1 ? "the last backup" : `the median of the last ${baseline.length} backups`;
  if (bytes >= smallestBaselineBytes && current.bytes < bytes * (1 - maxDropShare)) {
    findings.push(
      `${formatBytes(current.bytes)}: ${percentBelow(current.bytes, bytes)} % less than ${last} (${formatBytes(bytes)})`,
    );
  }
  if (rows >= smallestBaselineRows && current.rows < rows * (1 - maxDropShare)) {
    findings.push(`${count(current.rows)} rows: ${percentBelow(current.rows, rows)} % fewer than ${last} (${count(rows)})`);
  }
  return findings;
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : Math.round(((sorted[middle - 1] ?? 0) + upper) / 2);
}

function percentBelow(value: number, reference: number): number {
  return Math.round((1 - value / reference) * 100);
}
