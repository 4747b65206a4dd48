/**
 * Signing keys in AWS KMS: asymmetric, on P-256 (`ECC_NIST_P256`, usage `SIGN_VERIFY`). KMS signs
 * by a request; signatures are checked on this machine, by the public key that the policy has, or
 * that KMS gives where it has none.
 */
import { HoldfastError } from "../errors/holdfast-error.ts";
import type { KeyReference, SigningKeyReference } from "../policy/policy.ts";
import type { Signer } from "../proof/statement.ts";
import { derToP1363 } from "./ecdsa-signature.ts";
import { arnRegion, openKms, refusable } from "./kms-key.ts";
import { publicKeyVerifier } from "./public-key.ts";

/** A key of the policy that has a signing key beside it. */
export type SigningKms = KeyReference & { readonly type: "kms"; readonly signing: SigningKeyReference };

const keySpec = "ECC_NIST_P256";
const keyUsage = "SIGN_VERIFY";
/** SHA-256 of the message, made by KMS; a message has 4,096 bytes at most (KMS API, "Sign"). */
const signing = { SigningAlgorithm: "ECDSA_SHA_256", MessageType: "RAW" } as const;
const unfit = {
  InvalidKeyUsageException: {
    fact: "does not let it sign",
    hint: `Name an asymmetric key of type ${keySpec} with usage ${keyUsage}.`,
  },
  UnsupportedOperationException: {
    fact: "cannot sign with it",
    hint: `Name an asymmetric key of type ${keySpec} with usage ${keyUsage}.`,
  },
};

/**
 * What signs with a key in KMS. Each signature is checked against the public key that others will
 * check it with: one that they would not count is never given out. Errors: KeyUnavailable.
 */
export async function kmsSigner(name: string, reference: SigningKms): Promise<Signer> {
  const { key } = reference.signing;
  const verify = requireVerifier(name, await kmsPublicKey(reference));
  return {
    keyId: `kms:${key}`,
    async sign(message) {
      const kms = await openFor(reference);
      try {
        const input = { KeyId: key, Message: message, ...signing };
        const { Signature } = await refusable(key, "kms:Sign", () => kms.sign(input), unfit);
        const signature = derToP1363(Signature ?? new Uint8Array());
        if (signature !== undefined && verify(message, signature)) return signature;
      } finally {
        kms.destroy();
      }
      throw new HoldfastError("KeyUnavailable", `what ${key} signs does not fit the publicKey under keys.${name}`, {
        hint: `Write the public key that \`holdfast check\` shows, or name the key that it belongs to.`,
      });
    },
  };
}

/** The public half of a signing key: the policy's, else KMS's. Errors: KeyUnavailable. */
export async function kmsPublicKey(reference: SigningKms): Promise<string> {
  return reference.signing.publicKey ?? fetchKmsPublicKey(reference);
}

/**
 * The public half as KMS has it: base64 of its SubjectPublicKeyInfo. Errors: KeyUnavailable (KMS
 * refuses, or the key is of another type).
 */
export async function fetchKmsPublicKey(reference: SigningKms): Promise<string> {
  const { key } = reference.signing;
  const kms = await openFor(reference);
  try {
    const { PublicKey, KeySpec, KeyUsage } = await refusable(
      key,
      "kms:GetPublicKey",
      () => kms.getPublicKey({ KeyId: key }),
      unfit,
    );
    if (PublicKey !== undefined && KeySpec === keySpec && KeyUsage === keyUsage) return Buffer.from(PublicKey).toString("base64");
    throw new HoldfastError("KeyUnavailable", `${key} is a key of type ${KeySpec} for ${KeyUsage}, and signs nothing of a vault`, {
      hint: `Name an asymmetric key of type ${keySpec} with usage ${keyUsage}.`,
    });
  } finally {
    kms.destroy();
  }
}

function requireVerifier(name: string, publicKey: string) {
  const verify = publicKeyVerifier(publicKey);
  if (verify !== undefined) return verify;
  throw new HoldfastError("KeyUnavailable", `the publicKey under keys.${name} is not a key that signatures can be checked with`, {
    hint: "Write the public key that `holdfast check` shows, or leave it out: KMS is then asked for it.",
  });
}

/** Beside the sealing key: in its region, unless its own ARN names one, and behind its endpoint. */
function openFor({ signing: { key }, keyId, region, endpoint }: SigningKms) {
  return openKms(region ?? arnRegion(key) ?? arnRegion(keyId), endpoint);
}
