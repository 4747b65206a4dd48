/**
 * Manifests and evidence that a store with versions only hides: deleted by a marker, or written
 * over.
 */
import { type BackupPlace, keyOf, parseDocumentKey, parseEvidenceKey, parseHoldKey } from "../layout.ts";
import type { HiddenObject } from "../object-store.ts";
import { judgeName } from "../signed-documents.ts";
import type { SignedVault } from "../vault.ts";
import { hasTombstone } from "./tombstones.ts";

/**
 * Manifests, and evidence that counted, of a source that were deleted or written over outside
 * Holdfast and whose older content the store still has. What a prune hid that may not delete
 * versions has a tombstone, and is left out. Errors: those of ObjectStore.
 */
export async function* listHiddenDocuments(
  vault: SignedVault,
  source: string,
): AsyncGenerator<HiddenObject & BackupPlace, void, undefined> {
  const known = new Map<string, boolean>();
  for (const [prefix, parse] of [
    [`manifests/${source}/`, parseDocumentKey],
    [`evidence/${source}/`, (key: string) => parseGenuineEvidence(vault, key)],
  ] as const) {
    for await (const hidden of vault.store.listHidden(prefix)) {
      const place = parse(hidden.key);
      if (place === undefined) continue;
      if (!known.has(place.id)) known.set(place.id, await hasTombstone(vault, source, place.id));
      // Content under newer content was never deleted by a prune.
      if (known.get(place.id) === false || hidden.by === "overwriting") yield { ...hidden, source, id: place.id };
    }
  }
}

/** The backup of evidence that counts, or counted; undefined for all other names. */
export function parseGenuineEvidence(vault: SignedVault, key: string): BackupPlace | undefined {
  const name = parseEvidenceKey(key);
  return name !== undefined && judgeName(vault, name) !== "forged" ? { source: name.source, id: name.id } : undefined;
}

export interface HiddenHold extends BackupPlace {
  readonly key: string;
  readonly hiddenAt: Date;
}

/**
 * Holds of a source, or of one backup of it, or of all, that lie behind a deletion while the store
 * still has them: who removes a hold deletes all of it. Each holds as before. One that was never
 * signed held nothing. Errors: those of ObjectStore.
 */
export async function* listHiddenHolds(
  vault: SignedVault,
  source?: string,
  id?: string,
): AsyncGenerator<HiddenHold, void, undefined> {
  const ofSource = source === undefined ? "holds/" : `holds/${source}/`;
  const prefix = source === undefined || id === undefined ? ofSource : keyOf.holdPrefix(source, id);
  for await (const { key, by, hiddenAt } of vault.store.listHidden(prefix)) {
    const name = by === "deletion" ? parseHoldKey(key) : undefined;
    if (name !== undefined && judgeName(vault, name) !== "forged") yield { source: name.source, id: name.id, key, hiddenAt };
  }
}

/** What to say of one, and what to do. */
export function describeHiddenHold({ source, id, hiddenAt }: Omit<HiddenHold, "key">): string {
  return (
    `the hold on ${id} of "${source}" was deleted at ${hiddenAt.toISOString()} outside Holdfast, or by an identity that may not delete versions, ` +
    "and the bucket still has it: it holds as before. Bring it back with `holdfast vault undelete`, or run `holdfast hold remove` where versions may be deleted"
  );
}
