/**
 * Directories that do not belong into a backup of the tree around them: the policy's own vaults (a
 * backup of a vault into itself would grow with every run), and the backup's own temporary
 * directory. They are told by device and inode, whatever path leads to them. A marker file tells
 * nothing: anybody who may write into the tree could plant one.
 */
import { lstat } from "node:fs/promises";
import { identify, identityOf } from "../../runtime/path-identity.ts";

export type AvoidedKind = "vault" | "private";

/** What each directory to avoid is, by identity. */
export type AvoidedDirectories = ReadonlyMap<string, AvoidedKind>;

/**
 * The identities of vaults (symbolic links are followed; a missing one has none) and of a private
 * temporary directory.
 */
export async function findAvoided(vaults: readonly string[], temporary?: string): Promise<AvoidedDirectories> {
  const avoided = new Map<string, AvoidedKind>();
  for (const vault of vaults) {
    const identity = await identify(vault);
    if (identity !== undefined) avoided.set(identity, "vault");
  }
  if (temporary !== undefined) avoided.set(identityOf(await lstat(temporary, { bigint: true })), "private");
  return avoided;
}

/**
 * Whether a directory with these names has the prefixes of a vault (docs/vault-format.md): another
 * policy's, or a restored one.
 */
export function looksLikeVault(names: readonly string[]): boolean {
  return ["holdfast.json", "manifests", "artifacts"].every((name) => names.includes(name));
}
