/** What Holdfast itself needs on this machine is never written over. */
import { HoldfastError } from "../errors/holdfast-error.ts";
import { isWithin } from "../runtime/path-identity.ts";
import type { OwnPaths } from "../runtime/run-context.ts";

/**
 * Refuses a file to be written that would replace one of the files, or lie in one of the vaults,
 * whose documents have names that it could take. `path` is absolute. Errors: UsageInvalid.
 */
export async function refuseOwnFile(path: string, own: OwnPaths | undefined): Promise<void> {
  const refuse = (problem: string): never => {
    throw new HoldfastError("UsageInvalid", `${path} ${problem}`, { hint: "Name another file." });
  };
  for (const vault of own?.vaults ?? []) if (await isWithin(path, vault)) refuse(`is in the vault ${vault} of this policy`);
  for (const file of own?.files ?? []) {
    if (await isWithin(path, file)) refuse("is a file that this policy needs to open its backups, and would be replaced");
  }
}
