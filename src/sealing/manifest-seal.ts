/**
 * The manifest's seal: a small message beside the artifacts that only a holder of the sealing key
 * can make, with the manifest's SHA-256 in it. Without one, anyone who can write to a vault could
 * make a manifest (docs/vault-format.md, "The manifest's seal").
 */
import { HoldfastError, isHoldfastError } from "../errors/holdfast-error.ts";
import type { SealingKeys } from "./keys.ts";
import { encryptionContext, findContextProblem, manifestSealName, manifestSuiteOf, readContext } from "./message.ts";
import { type BackupContext, openSmallMessage, sealSmallMessage } from "./small-message.ts";

/**
 * Seals a manifest's SHA-256 (hex). One data key of the sealing key. Errors: KeyFileInvalid,
 * KeyUnavailable.
 */
export function sealManifest(
  sha256: string,
  { keys, context }: { readonly keys: SealingKeys; readonly context: BackupContext },
): Promise<Uint8Array> {
  const named = { ...context, artifact: manifestSealName };
  return sealSmallMessage(Buffer.from(sha256), { keys, context: named, suiteOf: manifestSuiteOf });
}

/**
 * Opens a seal, whatever backup it is of: the SHA-256 of the manifest, and which manifest it was
 * made for. All of it was made by a holder of one of the keys.
 * Errors: SealInvalid (no seal, changed, or not a manifest's), KeyMissing, KeyUnavailable,
 * KeyFileInvalid.
 */
export async function openManifestSeal(
  bytes: Uint8Array,
  keys: SealingKeys,
): Promise<{ readonly sha256: string; readonly context: BackupContext }> {
  const { plaintext, suiteId, keyId, context: found } = await openSmallMessage(bytes, keys);
  const context = readContext(found);
  if (context?.artifact !== manifestSealName || suiteId !== manifestSuiteOf(keyId)) {
    throw new HoldfastError("SealInvalid", "it was sealed as something else");
  }
  const { artifact: _artifact, ...rest } = context;
  return { sha256: plaintext.toString("latin1"), context: rest };
}

/**
 * Says why the seal `bytes` does not vouch for the manifest of `context` with this SHA-256;
 * undefined where it does.
 * Errors: KeyMissing, KeyUnavailable, KeyFileInvalid.
 */
export async function findManifestSealProblem(
  bytes: Uint8Array,
  sha256: string,
  options: { readonly keys: SealingKeys; readonly context: BackupContext },
): Promise<string | undefined> {
  try {
    const opened = await openManifestSeal(bytes, options.keys);
    const artifact = manifestSealName;
    const problem = findContextProblem(encryptionContext({ ...opened.context, artifact }), { ...options.context, artifact });
    if (problem !== undefined) return `its seal was made ${problem}`;
    return opened.sha256 === sha256
      ? undefined
      : `its seal is of a manifest with SHA-256 ${opened.sha256}, this one's is ${sha256}`;
  } catch (error) {
    if (isHoldfastError(error, "SealInvalid")) return `its seal does not open: ${error.message}`;
    throw error;
  }
}
