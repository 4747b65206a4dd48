/**
 * A backup window as a policy writes it: the time within which a backup begins after its schedule.
 */
import { parseDuration } from "./duration.ts";
import type { Parsed } from "./parsed.ts";
import { showValue } from "./secret-text.ts";

/** EventBridge Scheduler's widest flexible time window: 1,440 minutes. */
const maxSeconds = 86_400;

/** Reads `30m`, `2h`; gives seconds. */
export function parseWindow(text: string): Parsed<number> {
  const parsed = parseDuration(text);
  if ("problem" in parsed || parsed.value <= maxSeconds) return parsed;
  return { problem: `${showValue(text)} is too wide; a backup begins within a day of its schedule, 24h at most` };
}
