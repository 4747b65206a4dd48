/**
 * Manifests and evidence that a store with versions only hides: deleted by a marker, or written
 * over.
 */
import { type BackupPlace, parseDocumentKey, parseEvidenceKey } from "../layout.ts";
import type { HiddenObject, ObjectStore } from "../object-store.ts";
import { hasTombstone } from "./tombstones.ts";

/**
 * Manifests and evidence of a source that were deleted or written over outside Holdfast and whose
 * older content the store still has. What a prune hid that may not delete versions has a tombstone,
 * and is left out. Errors: those of ObjectStore.
 */
export async function* listHiddenDocuments(
  store: ObjectStore,
  source: string,
): AsyncGenerator<HiddenObject & BackupPlace, void, undefined> {
  const known = new Map<string, boolean>();
  for (const [prefix, parse] of [
    [`manifests/${source}/`, parseDocumentKey],
    [`evidence/${source}/`, parseEvidenceKey],
  ] as const) {
    for await (const hidden of store.listHidden(prefix)) {
      const place = parse(hidden.key);
      if (place === undefined) continue;
      if (!known.has(place.id)) known.set(place.id, await hasTombstone(store, source, place.id));
      // Content under newer content was never deleted by a prune.
      if (known.get(place.id) === false || hidden.by === "overwriting") yield { ...hidden, source, id: place.id };
    }
  }
}

export interface HiddenHold extends BackupPlace {
  readonly hiddenAt: Date;
}

/**
 * Holds of a source, or of all, that lie behind a deletion while the store still has them: who
 * removes a hold deletes all of it. Each holds as before. Errors: those of ObjectStore.
 */
export async function* listHiddenHolds(store: ObjectStore, source?: string): AsyncGenerator<HiddenHold, void, undefined> {
  for await (const { key, by, hiddenAt } of store.listHidden(source === undefined ? "holds/" : `holds/${source}/`)) {
    const place = parseDocumentKey(key);
    if (place !== undefined && by === "deletion") yield { ...place, hiddenAt };
  }
}

/** What to say of one, and what to do. */
export function describeHiddenHold({ source, id, hiddenAt }: HiddenHold): string {
  return (
    `the hold on ${id} of "${source}" was deleted at ${hiddenAt.toISOString()} outside Holdfast, or by an identity that may not delete versions, ` +
    "and the bucket still has it: it holds as before. Bring it back (docs/immutability.md), or run `holdfast hold remove` where versions may be deleted"
  );
}
