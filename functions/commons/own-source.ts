/** What belongs to one source works for that source alone. */
import { HoldfastError } from "../../src/errors/holdfast-error.ts";

/**
 * The role would refuse another source anyway; this says why. `machines` names those that pick the
 * right function.
 * Errors: UsageInvalid.
 */
export function refuseOtherSource(source: string, does: string, machines: string): void {
  const own = process.env["HOLDFAST_SOURCE"];
  if (own === undefined || own === source) return;
  throw new HoldfastError("UsageInvalid", `this function ${does} "${own}", not "${source}"`, {
    hint: `Start ${machines}, which picks the function of the source.`,
  });
}
