/** `--last <count>`, of the commands that look at backups from the newest. */
import { HoldfastError } from "../errors/holdfast-error.ts";

/** The count; infinity when the option is not given. Errors: UsageInvalid. */
export function parseLast(last: string | undefined): number {
  if (last === undefined) return Number.POSITIVE_INFINITY;
  if (/^[1-9][0-9]*$/.test(last)) return Number(last);
  throw new HoldfastError("UsageInvalid", `--last takes a whole number from 1, not "${last}"`);
}
