import type { ErasureOutcome } from "../../proof/erasure.ts";

const reason =
  "its rows are not in this part of the backup, and take rows of the part with them by a foreign key; choose it too with --only";

/**
 * Of a part of a backup: erasures that would reach into it from an object that is not in it count
 * as refused. `cutOff` are such objects (PlaceSelection.cutOff).
 */
export function refuseCutOff(outcome: ErasureOutcome, cutOff: readonly string[] = []): ErasureOutcome {
  const isCutOff = ({ object }: { readonly object: string }): boolean => cutOff.includes(object);
  const absent = outcome.notApplicable.filter(isCutOff).map(({ object, count }) => ({ object, count, reason }));
  const empty = outcome.objects
    .filter((each) => isCutOff(each) && each.notFound > 0)
    .map(({ object, notFound }) => ({ object, count: notFound, reason }));
  return {
    ...outcome,
    objects: outcome.objects.filter((each) => !isCutOff(each)),
    notApplicable: outcome.notApplicable.filter((each) => !isCutOff(each)),
    refused: [...outcome.refused, ...absent, ...empty],
  };
}
