/** A stack replaces nothing without the word of a second person, whatever its policy says. */
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { readRequests } from "../../src/pipeline/approvals/read-requests.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import type { RestoreOptions } from "../../src/pipeline/restore/restore-options.ts";
import { defaultApprovalSeconds } from "../../src/policy/defaults.ts";
import { type ApprovalSubject, subjectSha256 } from "../../src/vault/documents/approval.ts";
import type { Vault } from "../../src/vault/vault.ts";

/** An execution runs for a week at most (ADR 0046), and half of that is for the work itself. */
const maxApprovalSeconds = 3 * 86_400;

/** How long a request waits, and its approval holds. */
export const approvalSeconds = ({ policy }: PipelineContext): number =>
  Math.min(policy.approvals?.expiresSeconds ?? defaultApprovalSeconds, maxApprovalSeconds);

/** The context under a policy that wants a second person for an overwrite. */
export function withSecondPerson(context: PipelineContext): PipelineContext {
  const { policy } = context;
  const given = policy.approvals ?? { of: [], approvers: {} };
  const approvals = { ...given, of: [...given.of, "overwrite" as const], expiresSeconds: approvalSeconds(context) };
  return { ...context, policy: { ...policy, approvals } };
}

/** What is approved in a stack is approved for one execution. */
export function inExecution(subject: ApprovalSubject, execution: string): ApprovalSubject {
  return { ...subject, options: { ...subject.options, execution } };
}

/**
 * The approval that `record` has used for this execution: it is looked up in the audit trail, where
 * the signature of the stack stands for it. Undefined: none is named.
 */
export function approvedIn(
  context: PipelineContext,
  vault: Vault,
  { approval: sha, execution }: { readonly approval?: string | undefined; readonly execution: string },
): RestoreOptions["approval"] {
  if (sha === undefined) return undefined;
  return {
    async use(subject) {
      const { requests } = await readRequests(context, vault, "identities");
      const status = requests.find(({ sha256 }) => sha256 === sha);
      const isGood = status?.state === "used" && status.decision?.decision === "approved" && status.doubt === undefined;
      if (isGood && subjectSha256(status.request) === subjectSha256(inExecution(subject, execution))) return;
      throw new HoldfastError("ApprovalRefused", "the audit trail has no approval of exactly this restore, by this execution", {
        hint: "Start the restore again with `holdfast --stack … restore …`: it asks for one.",
      });
    },
  };
}
