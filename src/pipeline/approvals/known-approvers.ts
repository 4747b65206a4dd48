/** Who may approve, as the policy names them, ready to check what they signed. */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { Approver } from "../../policy/approvals.ts";
import type { KnownApprover } from "../../vault/judge-answer.ts";
import type { PipelineContext } from "../pipeline-context.ts";

export type KnownApprovers = ReadonlyMap<string, KnownApprover>;

/**
 * Errors: PolicyInvalid for a key that is none, or that is the policy's own: whoever restores has
 * that one.
 */
export async function openApprovers({ policy }: PipelineContext): Promise<KnownApprovers> {
  const { publicKeyVerifier } = await import("../../sealing/public-key.ts");
  const { publicKeysAtHand } = await import("../../sealing/signing.ts");
  const own = await publicKeysAtHand(Object.values(policy.keys));
  const approvers = new Map<string, KnownApprover>();
  for (const [name, { publicKey, user, retiredAt }] of approversOf(policy.approvals)) {
    const verify = publicKeyVerifier(publicKey);
    const problem =
      verify === undefined
        ? "is neither an Ed25519 nor a P-256 key"
        : own.has(publicKey)
          ? "is a key of the policy's own"
          : undefined;
    if (verify === undefined || problem !== undefined) {
      throw new HoldfastError("PolicyInvalid", `the public key under approvals.approvers.${name} ${problem}`, {
        hint: "Write the public half of the approver's own key, as `holdfast approver-key` prints it.",
      });
    }
    approvers.set(name, { verify, user, retiredAt });
  }
  return approvers;
}

/** The name of the approver whose key this is; undefined: nobody's. */
export function approverWith({ policy }: PipelineContext, publicKey: string): string | undefined {
  return approversOf(policy.approvals).find(([, approver]) => approver.publicKey === publicKey)?.[0];
}

function approversOf(approvals: { readonly approvers: Readonly<Record<string, Approver>> } | undefined) {
  return Object.entries(approvals?.approvers ?? {});
}
