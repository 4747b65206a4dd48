/**
 * A restore never replaces, and never fills, what backups are opened with: the policy's vaults, its
 * keys, the policy itself.
 */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { isWithin } from "../../runtime/path-identity.ts";
import type { OwnPaths } from "../../runtime/run-context.ts";

/**
 * Refuses a target that is, is in, or holds one of the vaults; and one that is or holds one of the
 * files: whatever paths, links or mounts lead there, also where nothing exists yet. `target` is
 * absolute. Errors: RestoreRefused.
 */
export async function refuseOwnPaths(target: string, own: OwnPaths | undefined): Promise<void> {
  for (const vault of own?.vaults ?? []) {
    if (await isWithin(target, vault)) throw refusal(target, `is in the vault ${vault} of this policy`);
    if (await isWithin(vault, target)) throw refusal(target, `holds the vault ${vault} of this policy`);
  }
  for (const file of own?.files ?? []) {
    if (await isWithin(file, target)) throw refusal(target, `holds ${file}, which this policy needs to open its backups`);
  }
}

function refusal(target: string, problem: string): HoldfastError {
  return new HoldfastError("RestoreRefused", `${target} ${problem}`, {
    hint: "Restore to a directory elsewhere, and move what you need from there.",
  });
}
