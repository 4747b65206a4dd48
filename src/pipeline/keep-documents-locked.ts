/**
 * Keeps holdfast.json and RESTORE.md locked, as far as this identity may: a run is not given up for
 * it.
 */
import { isHoldfastError } from "../errors/holdfast-error.ts";
import type { RunContext } from "../runtime/run-context.ts";
import { lockDocuments } from "../vault/documents/lock-documents.ts";
import type { ObjectStore } from "../vault/object-store.ts";

/**
 * Called by each backup and each prune. Errors: those of ObjectStore but for rights, which are a
 * warning.
 */
export async function keepDocumentsLocked({ clock, log }: RunContext, store: ObjectStore): Promise<void> {
  try {
    await lockDocuments(store, clock.now());
  } catch (error) {
    if (!isHoldfastError(error, "StoreAccessDenied")) throw error;
    log.warn(`holdfast.json and RESTORE.md in ${store.url} are not locked any longer than they are: ${error.message}`);
  }
}
