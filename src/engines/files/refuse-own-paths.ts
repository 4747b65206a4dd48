/** A restore never replaces, and never fills, what backups are opened with: the policy's vaults, its keys, the policy itself. */
import { realpath } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { OwnPaths } from "../../runtime/run-context.ts";
import { identify, identifyUpwards } from "./avoided.ts";
import { errorCode } from "./failures.ts";

/**
 * Refuses a file to be written that would replace one of the files, or lie in one of the vaults, whose documents have names that it
 * could take. `path` is absolute. Errors: UsageInvalid.
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

/**
 * Refuses a target that is, is in, or holds one of the vaults; and one that is or holds one of the files: whatever paths, links or
 * mounts lead there, also where nothing exists yet. `target` is absolute. Errors: RestoreRefused.
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

/** Whether `path` is `directory` or lies below it, by its names, by where its links lead, or by the identity of what it goes through. */
async function isWithin(path: string, directory: string): Promise<boolean> {
  const [real, realDirectory] = [await resolveLinks(path), await resolveLinks(directory)];
  const above = (outer: string, inner: string) => inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : outer + sep);
  if (above(realDirectory, real) || above(resolve(directory), resolve(path))) return true;
  const identity = await identify(directory);
  if (identity === undefined) return false;
  return (await identifyUpwards(resolve(path))).includes(identity) || (await identifyUpwards(real)).includes(identity);
}

/** The path without symbolic links, as far as it exists. */
async function resolveLinks(path: string): Promise<string> {
  const absolute = resolve(path);
  try {
    return await realpath(absolute);
  } catch (error) {
    errorCode(error);
    return absolute === dirname(absolute) ? absolute : join(await resolveLinks(dirname(absolute)), basename(absolute));
  }
}
