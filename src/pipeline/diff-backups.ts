/** The step that names what changed between two backups, from their listings alone. */
import { HoldfastError } from "../errors/holdfast-error.ts";
import { diffListings, type ObjectChange } from "../proof/diff-listings.ts";
import { type FoundBackup, findInVaults } from "./catalogue/find-backups.ts";
import { listObjects } from "./catalogue/list-objects.ts";
import type { PipelineContext } from "./pipeline-context.ts";

export interface BackupDifference {
  readonly before: FoundBackup;
  readonly after: FoundBackup;
  /** In the order of the listings: at most so many as were asked for. */
  readonly changes: readonly ObjectChange[];
  /** All of them. */
  readonly counts: { readonly changed: number; readonly added: number; readonly gone: number; readonly same: number };
}

/**
 * Compares two backups by their objects' hashes, counts and sizes; `maxChanges` of the changes are
 * listed, all are counted. Errors: those of findInVaults and listObjects; UsageInvalid where the
 * two cannot be compared: other rules, or no listing.
 */
export async function diffBackups(
  context: PipelineContext,
  [first, second]: readonly [string, string],
  maxChanges: number,
): Promise<BackupDifference> {
  const [before, after] = [await findInVaults(context, first), await findInVaults(context, second)];
  const [old, fresh] = [await listingOf(context, before), await listingOf(context, after)];
  if (old.algorithm !== fresh.algorithm) {
    throw new HoldfastError(
      "UsageInvalid",
      `${before.entry.id} and ${after.entry.id} hold different things: nothing can be compared`,
      {
        hint: "Name two backups of one source, or verify both anew with `holdfast verify`.",
      },
    );
  }
  const changes: ObjectChange[] = [];
  const counts = { changed: 0, added: 0, gone: 0, same: 0 };
  const differences = diffListings(old.listing, fresh.listing);
  for (;;) {
    const step = await differences.next();
    if (step.done === true) return { before, after, changes, counts: { ...counts, same: step.value } };
    const { before: was, after: is } = step.value;
    counts[was === undefined ? "added" : is === undefined ? "gone" : "changed"]++;
    if (changes.length < maxChanges) changes.push(step.value);
  }
}

async function listingOf(context: PipelineContext, found: FoundBackup) {
  const { entry } = found;
  const listed = await listObjects(context, found);
  if (listed !== undefined) return listed;
  throw new HoldfastError("UsageInvalid", `nothing lists what ${entry.id} of ${entry.source} holds`, {
    hint:
      entry.kind === "log"
        ? "A log holds changes, not objects: name the backup that it builds on."
        : `Read it back first: holdfast verify ${entry.id}`,
  });
}
