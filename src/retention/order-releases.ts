/** The order in which released backups may be deleted. */
import type { Entry } from "./history.ts";

/**
 * The released backups, newest first, and never one before what builds on it: a run that dies
 * half-way leaves only backups that still restore (pgBackRest expires in this order for the same
 * reason).
 * `released` are in the history's order. A base that claims to be younger than what builds on it is
 * put off until that is gone.
 */
export function orderReleases(released: readonly Entry[]): Entry[] {
  const waiting = new Map<Entry | undefined, number>();
  const countWaiting = (base: Entry | undefined, change: 1 | -1) => waiting.set(base, (waiting.get(base) ?? 0) + change);
  for (const { base } of released) countWaiting(base, 1);
  const pending = new Set(released);
  const ordered: Entry[] = [];
  for (const first of released) {
    let entry: Entry | undefined = first;
    // A base that was put off and waited for this one alone follows at once.
    while (entry !== undefined && entry.rank <= first.rank && !waiting.get(entry) && pending.delete(entry)) {
      ordered.push(entry);
      entry = entry.base;
      countWaiting(entry, -1);
    }
  }
  // A ring of backups that build on each other restores in no order: any order will do.
  return [...ordered, ...pending];
}
