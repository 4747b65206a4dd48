/** Public halves of signing keys: Ed25519 for key files, ECDSA on P-256 for KMS. */
import { createPublicKey, type KeyObject, verify } from "node:crypto";

/**
 * What verifies a signature of 64 bytes (Ed25519's own form, and IEEE P1363, r and s, for P-256)
 * with a public key in base64 (SubjectPublicKeyInfo, DER), or undefined when the text is no such
 * key.
 */
export function publicKeyVerifier(text: string): ((message: Uint8Array, signature: Uint8Array) => boolean) | undefined {
  const key = readPublicKey(text);
  if (key === undefined) return undefined;
  const isEd25519 = key.asymmetricKeyType === "ed25519";
  const [algorithm, verifying] = isEd25519 ? [null, key] : ["sha256", { key, dsaEncoding: "ieee-p1363" } as const];
  return (message, signature) => verify(algorithm, message, verifying, signature);
}

function readPublicKey(text: string): KeyObject | undefined {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") !== text) return undefined;
  try {
    const key = createPublicKey({ key: bytes, format: "der", type: "spki" });
    const isP256 = key.asymmetricKeyDetails?.namedCurve === "prime256v1";
    return key.asymmetricKeyType === "ed25519" || isP256 ? key : undefined;
  } catch {
    return undefined;
  }
}
