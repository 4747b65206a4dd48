/**
 * A backup's digest key: 32 random bytes, sealed beside its artifacts, under which its documents
 * say what depends on content. A bare SHA-256 of a table with few rows, or of a small file, tells
 * what was in it to anyone who can try a million guesses (docs/vault-format.md, "Digests").
 */
import { createHmac } from "node:crypto";
import { HoldfastError, isHoldfastError } from "../errors/holdfast-error.ts";
import type { SealingKeys } from "./keys.ts";
import { digestKeyName, findContextProblem, suiteId } from "./message.ts";
import { type BackupContext, openSmallMessage, sealSmallMessage } from "./small-message.ts";

const keyBytes = 32;

export interface DigestKey {
  /** 16 hex digits by which documents name it, and which tell nothing of it. */
  readonly id: string;
  /** What artifacts' manifests say in place of a SHA-256; equal under one key, name and content. */
  plainDigestOf(artifact: string, plainSha256: string): string;
  /** 32 bytes for one purpose: no two purposes share a key. */
  derive(purpose: string): Uint8Array;
}

/**
 * A new key of random bytes, and the key as it is stored. Errors: KeyFileInvalid, KeyUnavailable.
 */
export async function makeDigestKey(
  randomBytes: (count: number) => Uint8Array,
  { keys, context }: { readonly keys: SealingKeys; readonly context: BackupContext },
): Promise<{ readonly key: DigestKey; readonly sealed: Uint8Array }> {
  const bytes = randomBytes(keyBytes);
  // Unsigned, unlike a manifest's seal: who may open it and makes another is found out, because the
  // manifest names this one's id.
  const options = { keys, context: { ...context, artifact: digestKeyName }, suiteOf: () => suiteId };
  return { key: digestKeyOf(bytes), sealed: await sealSmallMessage(bytes, options) };
}

/**
 * Opens the digest key of the backup `context`, whose manifest names it `id`; or says what is wrong
 * with it: it was changed, or made for something else. Errors: KeyMissing, KeyUnavailable,
 * KeyFileInvalid.
 */
export async function openDigestKey(
  sealed: Uint8Array,
  id: string,
  { keys, context }: { readonly keys: SealingKeys; readonly context: BackupContext },
): Promise<DigestKey | { readonly problem: string }> {
  try {
    const opened = await openSmallMessage(sealed, keys);
    const problem = findContextProblem(opened.context, { ...context, artifact: digestKeyName });
    if (problem !== undefined) return { problem: `was sealed ${problem}` };
    if (opened.suiteId !== suiteId || opened.plaintext.length !== keyBytes) return { problem: "was sealed as something else" };
    const key = digestKeyOf(opened.plaintext);
    return key.id === id ? key : { problem: "is not the one that the manifest names" };
  } catch (error) {
    if (isHoldfastError(error, "SealInvalid")) return { problem: `does not open: ${error.message}` };
    throw error;
  }
}

/** The key of these 32 bytes. Errors: Internal, for another number of them. */
export function digestKeyOf(given: Uint8Array): DigestKey {
  if (given.length !== keyBytes) throw new HoldfastError("Internal", `a digest key of ${given.length} bytes was to be used`);
  const bytes = Uint8Array.from(given);
  const hmac = (text: string): Buffer => createHmac("sha256", bytes).update(text).digest();
  return {
    id: hmac("digest key id").toString("hex", 0, 8),
    // No name and no digest holds a line feed: no two of them make one text.
    plainDigestOf: (artifact, plainSha256) => hmac(`artifact\n${artifact}\n${plainSha256}`).toString("hex"),
    derive: (purpose) => hmac(`key\n${purpose}`),
  };
}
