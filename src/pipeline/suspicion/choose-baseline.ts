/**
 * Which earlier backups a new one is compared with: few enough to read, far enough apart to know a
 * week and a month. Pure.
 */

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** The newest ones, then the one nearest to the same hour of each earlier day, week and month. */
const newestCount = 8;
const steps: readonly (readonly [stepMs: number, count: number])[] = [
  [dayMs, 14],
  [7 * dayMs, 8],
  [30 * dayMs, 12],
];

/**
 * Of `earlier` (oldest first, all before `startedAt`), the ones to compare with, oldest first: at
 * most 42.
 */
export function chooseBaseline<B extends { readonly startedAt: Date }>(earlier: readonly B[], startedAt: Date): B[] {
  const chosen = new Set(earlier.slice(-newestCount));
  for (const [stepMs, count] of steps) {
    for (let step = 1; step <= count; step++) {
      const nearest = findNearest(earlier, startedAt.getTime() - step * stepMs, stepMs / 2);
      if (nearest !== undefined) chosen.add(nearest);
    }
  }
  return earlier.filter((backup) => chosen.has(backup));
}

function findNearest<B extends { readonly startedAt: Date }>(earlier: readonly B[], atMs: number, withinMs: number): B | undefined {
  let nearest: B | undefined;
  let distanceMs = withinMs;
  for (const backup of earlier) {
    const ms = Math.abs(backup.startedAt.getTime() - atMs);
    if (ms < distanceMs) [nearest, distanceMs] = [backup, ms];
  }
  return nearest;
}
