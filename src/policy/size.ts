/** Sizes as a policy writes them: a whole number and a unit, `500MB`, `200GB`, `2TB`. */
import type { Parsed } from "./parsed.ts";
import { showValue } from "./secret-text.ts";

const unitBytes = { MB: 1e6, GB: 1e9, TB: 1e12 } as const;

export const sizeForm = "a size such as 500MB, 200GB or 2TB";
export const sizePattern = "^[1-9][0-9]{0,6}[MGT]B$";

/**
 * Reads `500MB`, `200GB`, `2TB`; gives bytes. Decimal units, as disks and AWS's prices have them.
 */
export function parseSize(text: string): Parsed<number> {
  const match = /^([1-9][0-9]{0,6})([MGT]B)$/.exec(text);
  if (match === null) return { problem: `${showValue(text)} is not ${sizeForm}` };
  return { value: Number(match[1]) * unitBytes[match[2] as keyof typeof unitBytes] };
}
