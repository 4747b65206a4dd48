/** Loads a backup into a place, compares it with the backup, and runs the policy's assertions. */
import type { Place } from "../../engines/place.ts";
import type { AssertionResult, Comparison, LoadFinding } from "../../proof/content.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { compareLoaded } from "../restore-test.ts";
import type { Stopwatch } from "../runs/stopwatch.ts";
import type { VerifyResult } from "../verify.ts";

interface Loaded {
  readonly findings: readonly LoadFinding[];
  readonly comparison: Comparison;
  readonly assertions: readonly AssertionResult[];
}

/** Errors: those of the place. */
export async function loadAndCompare(
  { run }: PipelineContext,
  place: Place,
  verified: Pick<VerifyResult, "digest"> | undefined,
  options: { readonly assertions?: boolean | undefined },
  stopwatch: Stopwatch,
): Promise<Loaded> {
  const { findings } = await stopwatch.time("load", () => place.load());
  run.progress.phase("compare");
  const comparison = await stopwatch.time("compare", () => compareWith(place, verified));
  const assertions = options.assertions === false ? [] : await stopwatch.time("assert", () => place.assert());
  return { findings, comparison, assertions };
}

/**
 * A damaged backup that is salvaged leaves nothing to compare with, and that is said.
 */
async function compareWith(place: Place, verified: Pick<VerifyResult, "digest"> | undefined): Promise<Comparison> {
  if (verified !== undefined) return compareLoaded(place, verified.digest);
  const problem = "the backup does not verify; there is nothing to compare with";
  return {
    equal: false,
    objectsCompared: 0,
    rowsCompared: 0,
    bytesCompared: 0,
    differenceCount: 1,
    differences: [{ object: "backup", problem }],
  };
}
