/**
 * Which texts of RESTORE.md Holdfast wrote: this version's, and those of earlier versions, which
 * stay in their vaults.
 */
import { createHash } from "node:crypto";

/**
 * SHA-256 of earlier texts of this format version. When the text changes after a release, add the
 * digest that it had.
 */
const earlierTexts: ReadonlySet<string> = new Set([]);

/** Whether `bytes` are `current`, this version's text, or an earlier one, to the last byte. */
export function isKnownInstructions(bytes: Uint8Array, current: string): boolean {
  const digest = digestOf(bytes);
  return digest === digestOf(Buffer.from(current)) || earlierTexts.has(digest);
}

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
