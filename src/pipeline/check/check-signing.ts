/** Whether what the policy says of its signing keys is what KMS says. */
import type { Finding } from "../../engines/finding.ts";
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import type { KeyConfig } from "../../policy/policy.ts";
import type { SigningKms } from "../../sealing/kms-signer.ts";

const subject = "signing";

/**
 * One finding for each signing key in KMS of a policy's entry, and one where its first key, which
 * would sign, has none. A key file signs by itself. Who may not ask KMS takes the policy's public
 * key for it. Errors: Interrupted.
 */
export async function checkSigning({ name, keys }: KeyConfig): Promise<readonly Finding[]> {
  const [first] = keys;
  const findings: Finding[] = [];
  if (first.type === "kms" && first.signing === undefined) {
    const remedy = "Add signing: { key: alias/NAME } beside its keyId, of a key of type ECC_NIST_P256 for signing.";
    findings.push({ level: "error", subject, message: `kms:${first.keyId} under keys.${name} has no signing key`, remedy });
  }
  for (const reference of keys) {
    if (reference.type !== "kms" || reference.signing === undefined) continue;
    findings.push(await compareWithKms({ ...reference, signing: reference.signing }));
  }
  return findings;
}

async function compareWithKms(reference: SigningKms): Promise<Finding> {
  const { key, publicKey: written } = reference.signing;
  try {
    const { fetchKmsPublicKey } = await import("../../sealing/kms-signer.ts");
    const own = await fetchKmsPublicKey(reference);
    if (written === own) return { level: "ok", subject, message: `signs with ${key}, whose public key the policy has` };
    const write = `Write under signing: publicKey: ${own}`;
    if (written === undefined) {
      const message = `signs with ${key}, whose public key the policy does not have: anyone who can move the alias chooses what counts`;
      return { level: "warning", subject, message, remedy: `${write}, and deploy again.` };
    }
    const message = `${key} has another public key than the policy: what it signs does not count`;
    const remedy = `${write} if the key was replaced on purpose; keep the old entry behind the new one, or what it signed no longer counts.`;
    return { level: "error", subject, message, remedy };
  } catch (error) {
    if (!isHoldfastError(error) || error.name === "Interrupted") throw error;
    if (written === undefined) return { level: "error", subject, message: error.message, remedy: error.hint };
    return {
      level: "ok",
      subject,
      message: `the policy's public key of ${key} could not be compared with that of KMS: ${error.message}`,
    };
  }
}
