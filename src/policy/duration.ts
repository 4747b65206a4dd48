/** Durations as a policy writes them: a whole number and a unit, `15m`, `1h`, `30d`, `4w`. */
import type { Parsed } from "./parsed.ts";
import { showValue } from "./secret-text.ts";

const unitSeconds = { m: 60, h: 3_600, d: 86_400, w: 604_800 } as const;
type Unit = keyof typeof unitSeconds;

/**
 * A hundred years: beyond it, a duration is a slip of the keyboard, and dates leave the range that
 * calendars know.
 */
const maxSeconds = 36_500 * unitSeconds.d;

/** What a duration may be, in words, for messages. */
export const durationForm = "a duration such as 15m, 1h, 30d or 4w";
/** The same as a regular expression, for the JSON Schema. */
export const durationPattern = "^[1-9][0-9]*[mhdw]$";

/**
 * Reads `15m`, `1h`, `30d`, `4w`; gives seconds. Days have 24 hours and weeks 7 days, whatever the
 * calendar does.
 */
export function parseDuration(text: string): Parsed<number> {
  const match = /^([1-9][0-9]*)([mhdw])$/.exec(text);
  if (match === null) return { problem: explain(text) };
  const seconds = Number(match[1]) * unitSeconds[match[2] as Unit];
  if (seconds > maxSeconds) return { problem: `${showValue(text)} is more than a hundred years` };
  return { value: seconds };
}

/**
 * Seconds, a positive multiple of 60, as a policy writes them, in the largest unit that is exact.
 */
export function formatDuration(seconds: number): string {
  const units: readonly Unit[] = ["w", "d", "h", "m"];
  const unit = units.find((candidate) => seconds % unitSeconds[candidate] === 0) ?? "m";
  return `${seconds / unitSeconds[unit]}${unit}`;
}

function explain(text: string): string {
  const shown = showValue(text);
  const parts = /^(\d+)\s*([A-Za-z]*)$/.exec(text.trim());
  if (parts === null) return `${shown} is not ${durationForm}`;
  const [amount, unit] = [String(Number(parts[1])), (parts[2] ?? "").toLowerCase()];
  if (amount === "0") return `${shown} is not a length of time; write ${durationForm}`;
  if (unit === "") return `${shown} has no unit; write m, h, d or w behind the number, such as ${amount}h`;
  if (/^(mo|mon|y|yr)/.test(unit)) return `${shown}: months and years have no fixed length; write days or weeks, such as 365d`;
  if (/^(s|ms)/.test(unit)) return `${shown}: the smallest unit is the minute; write ${durationForm}`;
  const first = unit.charAt(0);
  if (first in unitSeconds) return `${shown} is not ${durationForm}; did you mean "${amount}${first}"?`;
  return `${shown} is not ${durationForm}; the units are m, h, d and w`;
}
