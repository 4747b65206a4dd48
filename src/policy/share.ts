/** Shares as a policy writes them: `50%`. */
import type { Parsed } from "./parsed.ts";
import { showValue } from "./secret-text.ts";

export const shareForm = "a share such as 50%";
export const sharePattern = "^(100(\\.0+)?|[0-9]{1,2}(\\.[0-9]+)?)%$";

/** Reads `50%` or `2.5%`; gives 0 to 1, never 0. */
export function parseShare(text: string): Parsed<number> {
  const match = /^([0-9]{1,3}(?:\.[0-9]+)?)%$/.exec(text);
  if (match === null) return { problem: `${showValue(text)} is not ${shareForm}` };
  const percent = Number(match[1]);
  if (percent > 100 || percent === 0) return { problem: `${showValue(text)} is not allowed; more than 0% and at most 100%` };
  return { value: percent / 100 };
}
