/** The signing key that belongs to a key file: derived from its secret, never stored anywhere. */
import { createHash, createPrivateKey, createPublicKey, hkdfSync, type KeyObject, sign } from "node:crypto";
import type { Signer } from "../proof/statement.ts";

/** Sets this key apart from any other that may be derived from the same secret. */
const derivationInfo = "holdfast-signing-key-1";
/** RFC 8410: what stands before the 32 bytes of an Ed25519 private key in PKCS #8. */
const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex");
const seedBytes = 32;

/** The Ed25519 key that signs for the holders of this key file's secret. */
export function deriveSigningKey(key: Uint8Array): KeyObject {
  const seed = Buffer.from(hkdfSync("sha256", key, new Uint8Array(0), derivationInfo, seedBytes));
  return createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: "der", type: "pkcs8" });
}

/** Its public half, as a policy has it: base64 of the SubjectPublicKeyInfo (RFC 8410). */
export function publicKeyOf(key: Uint8Array): string {
  return exportPublic(deriveSigningKey(key)).toString("base64");
}

/** What signs with a key file's secret, without any request. */
export function fileSigner(key: Uint8Array): Signer {
  const privateKey = deriveSigningKey(key);
  const digest = createHash("sha256").update(exportPublic(privateKey)).digest("hex");
  return {
    keyId: `ed25519:${digest.slice(0, 16)}`,
    sign: async (message) => sign(null, message, privateKey),
  };
}

function exportPublic(privateKey: KeyObject): Buffer {
  return createPublicKey(privateKey).export({ format: "der", type: "spki" });
}
