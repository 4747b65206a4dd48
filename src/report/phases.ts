/** The phases of a restore as people read them: in the order of time, under names of their own. */
import { formatDuration } from "./format.ts";

/**
 * In the order in which they run; evidence, as canonical JSON, keeps them in alphabetical order.
 */
const names: Readonly<Record<string, string>> = {
  verify: "read back",
  safetyBackup: "back up what is replaced",
  open: "prepare the target",
  load: "load",
  compare: "compare with the backup",
  sourceCheck: "compare with the source",
  assert: "assertions",
  erase: "take out what was erased",
  commit: "put into place",
  close: "clean up",
};

/**
 * `read back 1.2 s, load 40 s, compare with the backup 3 s`; phases that this version does not know
 * come last, as they are called.
 */
export function describePhases(timings: Readonly<Record<string, number>>): string {
  const order = Object.keys(names);
  const place = (phase: string): number => (order.includes(phase) ? order.indexOf(phase) : order.length);
  return Object.entries(timings)
    .toSorted(([a], [b]) => place(a) - place(b))
    .map(([phase, elapsedMs]) => `${names[phase] ?? phase} ${formatDuration(elapsedMs)}`)
    .join(", ");
}
