/**
 * The seal of an erasure's content: a small message that only those open who can restore. What may
 * be sealed as this is nothing else: a function that records erasures can make no other seal.
 */
import { HoldfastError } from "../errors/holdfast-error.ts";
import type { SealingKeys } from "./keys.ts";
import { findContextProblem, suiteId } from "./message.ts";
import { openSmallMessage, sealSmallMessage } from "./small-message.ts";

/** Which ledger it belongs to. */
export interface ErasureContext {
  readonly vaultId: string;
  readonly source: string;
}

/** IAM conditions ask for this name; no artifact of a backup lies under `erasures`. */
const named = { backupId: "erasures", artifact: "erasure" } as const;

/** Errors: KeyFileInvalid, KeyUnavailable. */
export function sealErasure(
  content: Uint8Array,
  { keys, context }: { readonly keys: SealingKeys; readonly context: ErasureContext },
): Promise<Uint8Array> {
  // Unsigned: the entry that it stands in is signed.
  return sealSmallMessage(content, { keys, context: { ...context, ...named }, suiteOf: () => suiteId });
}

/**
 * Errors: SealInvalid (changed, or sealed as something else), KeyMissing, KeyUnavailable,
 * KeyFileInvalid.
 */
export async function openErasure(
  bytes: Uint8Array,
  { keys, context }: { readonly keys: SealingKeys; readonly context: ErasureContext },
): Promise<Uint8Array> {
  const opened = await openSmallMessage(bytes, keys);
  const problem = findContextProblem(opened.context, { ...context, ...named });
  if (problem !== undefined) throw new HoldfastError("SealInvalid", `it was sealed ${problem}`);
  if (opened.suiteId !== suiteId) throw new HoldfastError("SealInvalid", "it was sealed as something else");
  return opened.plaintext;
}
