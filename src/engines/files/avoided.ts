/**
 * Directories that do not belong into a backup of the tree around them: the policy's own vaults (a backup of a vault into itself would
 * grow with every run), and the backup's own temporary directory. They are told by device and inode, whatever path leads to them. A
 * marker file tells nothing: anybody who may write into the tree could plant one.
 */
import type { BigIntStats } from "node:fs";
import { lstat, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCode } from "./failures.ts";

export type AvoidedKind = "vault" | "private";

/** What each directory to avoid is, by identity. */
export type AvoidedDirectories = ReadonlyMap<string, AvoidedKind>;

/** A file's or directory's identity on this machine. */
export function identityOf({ dev, ino }: Pick<BigIntStats, "dev" | "ino">): string {
  return `${dev}:${ino}`;
}

/** The identities of vaults (symbolic links are followed; a missing one has none) and of a private temporary directory. */
export async function findAvoided(vaults: readonly string[], temporary?: string): Promise<AvoidedDirectories> {
  const avoided = new Map<string, AvoidedKind>();
  for (const vault of vaults) {
    const identity = await identify(vault);
    if (identity !== undefined) avoided.set(identity, "vault");
  }
  if (temporary !== undefined) avoided.set(identityOf(await lstat(temporary, { bigint: true })), "private");
  return avoided;
}

/** The identity of what `path` leads to; undefined where it cannot be looked at. */
export async function identify(path: string): Promise<string | undefined> {
  try {
    return identityOf(await stat(path, { bigint: true }));
  } catch (error) {
    errorCode(error);
    return undefined;
  }
}

/** The identities of a directory and all that it is in, from the innermost on. `path` is absolute and without symbolic links. */
export async function identifyUpwards(path: string): Promise<string[]> {
  const identities: string[] = [];
  for (let at = path; ; at = dirname(at)) {
    const identity = await identify(at);
    if (identity !== undefined) identities.push(identity);
    if (at === dirname(at)) return identities;
  }
}

/** Whether a directory with these names has the rooms of a vault (docs/vault-format.md): another policy's, or a restored one. */
export function looksLikeVault(names: readonly string[]): boolean {
  return ["holdfast.json", "manifests", "artifacts"].every((name) => names.includes(name));
}
