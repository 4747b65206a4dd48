/** Durations of whole days, where a service counts in days: `30d`, `12w`. */
import { parseDuration } from "./duration.ts";
import type { Parsed } from "./parsed.ts";
import { showValue } from "./secret-text.ts";

const daySeconds = 86_400;
/** AWS KMS's own bounds for automatic rotation. */
const [fewestRotationDays, mostRotationDays] = [90, 2_560];

/** Reads `30d` or `4w`; gives days. */
export function parseDays(text: string): Parsed<number> {
  const parsed = parseDuration(text);
  if ("problem" in parsed) return parsed;
  const days = parsed.value / daySeconds;
  return Number.isInteger(days) ? { value: days } : { problem: `${showValue(text)} is not a whole number of days, such as 30d` };
}

/** Reads how often KMS is to rotate a key; gives days. */
export function parseRotation(text: string): Parsed<number> {
  const parsed = parseDays(text);
  if ("problem" in parsed || (parsed.value >= fewestRotationDays && parsed.value <= mostRotationDays)) return parsed;
  return {
    problem: `${showValue(text)} is not allowed; KMS rotates every ${fewestRotationDays}d to ${mostRotationDays}d, and more often only by hand: put a new key first in the list`,
  };
}
