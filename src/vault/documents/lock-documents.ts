/**
 * The locks of what belongs to no backup: holdfast.json and RESTORE.md. Holds are under the store's
 * legal hold (holds.ts).
 */
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import { instructionsKey, vaultKey } from "../layout.ts";
import type { ObjectStore, PutOptions } from "../object-store.ts";

const dayMs = 86_400_000;

/**
 * How long they are locked: longer than a pipeline may stand still unnoticed, short enough that a
 * vault can be cleared away.
 */
export const documentLockMs = 30 * dayMs;
/** They are locked anew when less is left, and not by every run. */
const renewedBelowMs = 20 * dayMs;

/** What a write of one of them is to be locked with; nothing where the vault does not lock. */
export function documentLock(store: ObjectStore, now: Date): Pick<PutOptions, "retainUntil"> {
  return store.locks !== undefined ? { retainUntil: new Date(now.getTime() + documentLockMs) } : {};
}

/**
 * Makes their locks last for weeks at least, where the vault locks. Two looks, and writes only when
 * a lock comes near its end. Errors: those of ObjectStore.
 */
export async function lockDocuments(store: ObjectStore, now: Date): Promise<void> {
  const { locks } = store;
  if (locks === undefined) return;
  for (const key of [vaultKey, instructionsKey]) {
    const found = await store.head(key);
    if (found === undefined || (found.lock?.until?.getTime() ?? 0) > now.getTime() + renewedBelowMs) continue;
    try {
      await locks.extendRetention(key, new Date(now.getTime() + documentLockMs));
    } catch (error) {
      // Gone since it was looked at: opening the vault says so.
      if (!isHoldfastError(error, "ObjectNotFound")) throw error;
    }
  }
}
