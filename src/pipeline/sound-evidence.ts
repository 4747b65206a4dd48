/** Reads evidence where a damaged piece must not stop the work: it then says nothing, and the state in its key stands. */
import { isHoldfastError } from "../errors/holdfast-error.ts";
import { type Evidence, readEvidence } from "../vault/evidence.ts";
import type { ObjectStore } from "../vault/object-store.ts";

/** The evidence under `key`, or undefined when it is damaged, or gone with its backup since it was listed. Errors: those of ObjectStore.get. */
export async function readSoundEvidence(store: ObjectStore, key: string): Promise<Evidence | undefined> {
  try {
    return await readEvidence(store, key);
  } catch (error) {
    if (isHoldfastError(error, "EvidenceInvalid", "ObjectNotFound")) return undefined;
    throw error;
  }
}
