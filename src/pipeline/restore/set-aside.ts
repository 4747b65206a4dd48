/** What becomes of a restored copy that is not what the backup contains. */
import type { Place } from "../../engines/place.ts";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { countOf } from "../../proof/compare-digests.ts";
import type { AssertionResult, Comparison, LoadFinding } from "../../proof/content.ts";
import type { Manifest } from "../../vault/documents/manifest.ts";
import type { RestoreOptions } from "./restore-options.ts";

export const isAllowed = (finding: LoadFinding): boolean => finding.class === "benign" || finding.class === "excepted";

interface Found {
  readonly findings: readonly LoadFinding[];
  readonly comparison: Comparison;
  /** Assertions that failed, where something was to be overwritten. */
  readonly failed: readonly AssertionResult[];
}

/**
 * Keeps what differs beside the target, unless it is to be discarded: a database with one odd view
 * is better than none. Gives the error.
 */
export async function setAside(
  manifest: Manifest,
  { findings, comparison, failed }: Found,
  place: Place,
  options: RestoreOptions,
): Promise<HoldfastError> {
  const failures = findings.filter((finding) => !isAllowed(finding)).map(({ subject, message }) => `${subject}: ${message}`);
  const differences = comparison.differences.map(({ object, problem }) => `${object}: ${problem}`);
  const asserted = failed.map(({ name, expected, actual }) => `assertion "${name}": expected ${expected}, found ${actual}`);
  const what = [
    ...(comparison.differenceCount === 0 ? [] : [countOf(comparison.differenceCount, "difference")]),
    ...(failures.length === 0 ? [] : [`${countOf(failures.length, "thing")} not restored`]),
    ...(failed.length === 0 ? [] : [`${countOf(failed.length, "assertion")} of the policy failed`]),
  ].join(", ");
  const kept = options.discardDifferent === true ? undefined : await place.keepBeside();
  const outcome = kept === undefined ? "it was removed again" : `it is kept as ${kept}`;
  const onlyAsserted = failures.length === 0 && comparison.equal;
  return new HoldfastError(
    "RestoreDiffers",
    onlyAsserted
      ? `what was restored equals backup ${manifest.id}, but does not replace ${options.to} (${what}); ${outcome}`
      : `what was restored to ${options.to} is not all that backup ${manifest.id} contains (${what}); ${outcome}`,
    {
      details: [...failures, ...differences, ...asserted],
      hint: onlyAsserted
        ? "Choose another backup, or restore again with --no-assertions when the data are as they should be."
        : kept === undefined
          ? "Fix what the target lacks and restore again, or leave out --discard-different to keep what loads."
          : "Look at the differences: use what was kept, or fix what the target lacks and restore again.",
    },
  );
}
