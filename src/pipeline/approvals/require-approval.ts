/** Actions on a backup or a target that the policy wants a second person for. */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { needsApproval } from "../../policy/approvals.ts";
import type { ApprovalSubject } from "../../vault/documents/approval.ts";
import type { SignedVault } from "../../vault/vault.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { type Approval, type Asking, type Sought, seekApproval } from "./seek-approval.ts";

/** The approval that a step is given; undefined where nobody was asked. */
export type GivenApproval = Pick<Approval, "use"> | undefined;

/**
 * Uses the approval, right before the action is done; nothing where the policy does not want one.
 * Errors: ApprovalNeeded, those of Approval.use.
 */
export async function requireApproval(
  { policy }: PipelineContext,
  subject: ApprovalSubject,
  approval: GivenApproval,
): Promise<void> {
  if (!needsApproval(policy, subject.action)) return;
  if (approval !== undefined) return approval.use(subject);
  throw new HoldfastError("ApprovalNeeded", `${subject.action} of ${subject.source} needs the approval of a second person`);
}

/** As seekApproval; undefined where the policy does not want one. */
export async function seekIfNeeded(context: PipelineContext, vault: SignedVault, asking: Asking): Promise<Sought | undefined> {
  return needsApproval(context.policy, asking.subject.action) ? seekApproval(context, vault, asking) : undefined;
}
