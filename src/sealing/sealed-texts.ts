/**
 * Texts that stand in a document for holders of the vault's key alone: sealed under the backup's
 * digest key, and bound to what stands beside them in clear.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import type { DigestKey } from "./digest-key.ts";

const algorithm = "aes-256-gcm";
const nonceBytes = 12;
const tagBytes = 16;
/** A text of a document has a limit; a list of tables has none. */
const pieceLength = 1024 * 1024;

/**
 * Seals `texts` as a JSON list: base64, in pieces of at most 1 MiB. `purpose` names what they are,
 * `clear` is what they belong to. Their lengths show in that of the result: texts whose length
 * depends on content must be padded by the caller.
 */
export function sealTexts(
  key: DigestKey,
  { purpose, clear, texts }: { readonly purpose: string; readonly clear: Uint8Array; readonly texts: readonly string[] },
  randomBytes: (count: number) => Uint8Array,
): string[] {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key.derive(purpose), nonce);
  cipher.setAAD(clear);
  const sealed = Buffer.concat([nonce, cipher.update(JSON.stringify(texts)), cipher.final(), cipher.getAuthTag()]);
  const encoded = sealed.toString("base64");
  return Array.from({ length: Math.ceil(encoded.length / pieceLength) }, (_, piece) =>
    encoded.slice(piece * pieceLength, (piece + 1) * pieceLength),
  );
}

/**
 * The texts, or undefined where they do not open: sealed under another key, for something else, or
 * changed, or what stands beside them was.
 */
export function openTexts(
  key: DigestKey,
  { purpose, clear, sealed }: { readonly purpose: string; readonly clear: Uint8Array; readonly sealed: readonly string[] },
): readonly string[] | undefined {
  const bytes = Buffer.from(sealed.join(""), "base64");
  if (bytes.length < nonceBytes + tagBytes) return undefined;
  const decipher = createDecipheriv(algorithm, key.derive(purpose), bytes.subarray(0, nonceBytes));
  decipher.setAAD(clear);
  decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
  try {
    const opened = Buffer.concat([decipher.update(bytes.subarray(nonceBytes, bytes.length - tagBytes)), decipher.final()]);
    return JSON.parse(opened.toString()) as string[];
  } catch {
    return undefined;
  }
}
