/** The order in which released backups may be deleted. */
import type { History } from "./history.ts";

/**
 * The places of released backups, newest first, and never one before what builds on it: a run that
 * dies half-way leaves only backups that still restore (pgBackRest expires in this order for the
 * same reason).
 * `places` are in the history's order. A base that claims to be younger than what builds on it is
 * put off until that is gone.
 */
export function orderReleases({ parents, backups }: History, places: readonly number[]): number[] {
  const waiting = new Int32Array(backups.length);
  const isReleased = new Uint8Array(backups.length);
  for (const place of places) isReleased[place] = 1;
  const baseOf = (place: number): number => {
    const parent = parents[place] ?? -1;
    return parent >= 0 && isReleased[parent] === 1 ? parent : -1;
  };
  for (const place of places) {
    const base = baseOf(place);
    if (base >= 0) waiting[base] = (waiting[base] ?? 0) + 1;
  }
  const ordered: number[] = [];
  const done = new Uint8Array(backups.length);
  for (const first of places) {
    // Whatever waited for this one alone follows at once when it comes before it in the list; else
    // its own turn comes later.
    for (let place = first; place >= 0 && done[place] === 0 && waiting[place] === 0; ) {
      done[place] = 1;
      ordered.push(place);
      const base = baseOf(place);
      if (base < 0) break;
      waiting[base] = (waiting[base] ?? 0) - 1;
      place = base < first ? base : -1;
    }
  }
  // A ring of backups that build on each other restores in no order, so that any order will do.
  return ordered.concat(places.filter((place) => done[place] === 0));
}
