/**
 * Signatures of a policy's keys: the first key of an entry signs, and what any of them signed
 * counts. Public halves come from the policy, or from the key file itself; never from the vault.
 */
import { HoldfastError, toHoldfastError } from "../errors/holdfast-error.ts";
import type { KeyConfig, KeyReference } from "../policy/policy.ts";
import type { Signer, Verifier } from "../proof/statement.ts";
import { fileSigner, publicKeyOf } from "./file-signer.ts";
import { readKeyFile } from "./key-file.ts";
import type { SigningKms } from "./kms-signer.ts";
import { publicKeyVerifier } from "./public-key.ts";

type Verify = (message: Uint8Array, signature: Uint8Array) => boolean;

/**
 * What signs with the first key of a policy's entry. Errors: KeyFileInvalid; KeyUnavailable, where
 * it cannot sign, or where the policy gives another public key than its own: nobody would count
 * what it signs.
 */
export async function openSigner(config: KeyConfig): Promise<Signer> {
  const [reference] = config.keys;
  if (reference.type === "kms") return openKmsSigner(config.name, reference);
  const { key } = await readKeyFile(reference.path);
  const own = publicKeyOf(key);
  if (reference.publicKey === undefined || reference.publicKey === own) return fileSigner(key);
  throw new HoldfastError("KeyUnavailable", `the publicKey under keys.${config.name} is not that of ${reference.path}`, {
    hint: `Write publicKey: ${own}, or name the key file that it belongs to.`,
  });
}

/**
 * What checks signatures of all the policy's keys. A key whose public half is not at hand makes
 * what the others did not sign `unknown`; so does a policy without any. Never rejects.
 */
export async function openVerifier(configs: readonly KeyConfig[]): Promise<Verifier> {
  const known: Verify[] = [];
  let lacking: HoldfastError | undefined;
  for (const { name, reference } of configs.flatMap(({ name, keys }) => keys.map((reference) => ({ name, reference })))) {
    // A KMS key without a signing key beside it signs nothing.
    if (reference.type === "kms" && reference.signing === undefined) continue;
    try {
      known.push(await loadVerify(name, reference));
    } catch (error) {
      lacking ??= toHoldfastError(error);
    }
  }
  if (known.length === 0) lacking ??= new HoldfastError("KeyUnavailable", "no key of the policy can sign", { hint: signingHint });
  return {
    lacking,
    verify(message, signature) {
      if (known.some((verify) => verify(message, signature))) return "genuine";
      return lacking === undefined ? "forged" : "unknown";
    },
  };
}

async function loadVerify(name: string, reference: KeyReference): Promise<Verify> {
  const text = await readPublicKey(name, reference);
  const verify = publicKeyVerifier(text);
  if (verify !== undefined) return verify;
  throw new HoldfastError("KeyUnavailable", `a publicKey under keys.${name} is no Ed25519 or P-256 key`, {
    hint: "Write the SubjectPublicKeyInfo in base64, as `holdfast init` prints it and `aws kms get-public-key` gives it.",
  });
}

/**
 * The public key that checks what an entry's first key signs, as a policy has it. Errors:
 * KeyFileInvalid, KeyUnavailable.
 */
export function publicKeyOfFirst({ name, keys: [reference] }: KeyConfig): Promise<string> {
  return readPublicKey(name, reference);
}

/** Every public key of the policy's own that is at hand. Never rejects. */
export async function publicKeysAtHand(configs: readonly KeyConfig[]): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const { name, reference } of configs.flatMap(({ name, keys }) => keys.map((reference) => ({ name, reference })))) {
    const known = reference.type === "file" ? reference.publicKey : reference.signing?.publicKey;
    if (known !== undefined) found.add(known);
    else if (reference.type === "file")
      await readPublicKey(name, reference).then(
        (key) => found.add(key),
        () => undefined,
      );
  }
  return found;
}

async function readPublicKey(name: string, reference: KeyReference): Promise<string> {
  if (reference.type === "file") return reference.publicKey ?? publicKeyOf((await readKeyFile(reference.path)).key);
  const { kmsPublicKey } = await import("./kms-signer.ts");
  return kmsPublicKey(requireSigning(name, reference));
}

async function openKmsSigner(name: string, reference: KeyReference & { type: "kms" }): Promise<Signer> {
  const { kmsSigner } = await import("./kms-signer.ts");
  return kmsSigner(name, requireSigning(name, reference));
}

function requireSigning(name: string, reference: KeyReference & { type: "kms" }): SigningKms {
  const { signing } = reference;
  if (signing !== undefined) return { ...reference, signing };
  throw new HoldfastError("KeyUnavailable", `kms:${reference.keyId} under keys.${name} has no signing key`, { hint: signingHint });
}

const signingHint =
  "Give the KMS key a signing key beside it (signing: { key: alias/NAME }): an asymmetric key of type ECC_NIST_P256 for signing.";
