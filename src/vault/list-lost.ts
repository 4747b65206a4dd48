/**
 * Backups that were there and have no manifest: lost, or deleted outside Holdfast. Their evidence
 * shows that there was one.
 */

import { parseGenuineEvidence } from "./documents/hidden-documents.ts";
import { hasTombstone } from "./documents/tombstones.ts";
import { type BackupPlace, keyOf } from "./layout.ts";
import type { ObjectStore } from "./object-store.ts";
import type { SignedVault } from "./vault.ts";

/**
 * Which of the backups with evidence that counts and without a manifest (listBackups,
 * `onUnclaimed`) are lost: not those whose deletion Holdfast began (their tombstone says so).
 * Artifacts alone are not enough: a run that is under way or died has them too. Reads keys only, at
 * most three requests each. Errors: those of ObjectStore.
 */
export async function confirmLost(vault: SignedVault, unclaimed: readonly BackupPlace[]): Promise<BackupPlace[]> {
  const lost: BackupPlace[] = [];
  for (const place of unclaimed) if (await isLost(vault, place)) lost.push(place);
  return lost;
}

/**
 * Asked in an order that no deletion and no backup under way can be taken for a loss: evidence
 * comes after the manifest, and goes before the tombstone.
 */
async function isLost(vault: SignedVault, { source, id }: BackupPlace): Promise<boolean> {
  const { store } = vault;
  if ((await store.head(keyOf.manifest(source, id))) !== undefined) return false;
  if (await hasTombstone(vault, source, id)) return false;
  for await (const { key } of store.list(keyOf.evidencePrefix(source, id), { includeOdd: true })) {
    if (parseGenuineEvidence(vault, key) !== undefined) return true;
  }
  return false;
}

/** What to say of one, and how it may come back. */
export function describeLost(
  { source, id }: BackupPlace,
  store: ObjectStore,
): { readonly message: string; readonly remedy: string } {
  return {
    message: `backup ${id} of "${source}" has evidence in ${store.url}, but its manifest is missing: it was lost or deleted outside Holdfast`,
    remedy: `Bring ${keyOf.manifest(source, id)} back from a copy of the vault, or with \`holdfast vault undelete\` from the bucket's older versions, then run \`holdfast verify ${source}/${id}\`.`,
  };
}
