/** The answer of a second person: signed with their own key, and written into the trail. */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { Signer } from "../../proof/statement.ts";
import { type Decision, type DecisionWord, type SignedDecision, signDecision } from "../../vault/documents/approval.ts";
import { findObjection } from "../../vault/judge-answer.ts";
import type { RequestStatus } from "../../vault/request-states.ts";
import { identityOf, personOf, recordAction } from "../audit/record-action.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { describeAnswer } from "./describe-request.ts";
import { approverWith, openApprovers } from "./known-approvers.ts";
import { type FoundRequest, findRequest, readRequests } from "./read-requests.ts";

/** The approver's own key. */
export interface ApproverKey {
  readonly signer: Signer;
  readonly publicKey: string;
}

export interface Answering {
  readonly decision: DecisionWord;
  readonly reason: string;
  readonly key: ApproverKey;
}

/**
 * Answers the request that `id` begins the name of. Errors: ApprovalRefused (not an approver's key;
 * the approver asked for it; answered or over already; somebody else was faster), UsageInvalid,
 * RequestNotFound, PolicyInvalid, those of the trail.
 */
export async function answerRequest(context: PipelineContext, id: string, answering: Answering): Promise<RequestStatus> {
  const { key, decision, reason } = answering;
  const approver = approverWith(context, key.publicKey);
  if (approver === undefined) {
    throw new HoldfastError("ApprovalRefused", "this key is not that of any approver of the policy", {
      hint: `Name your own key with --key; or add its public half under approvals.approvers: ${key.publicKey}`,
    });
  }
  const found = await findRequest(context, id, await openApprovers(context));
  const { run } = context;
  const given: Decision = {
    vaultId: found.vault.id,
    requestSha256: found.status.sha256,
    decision,
    approver,
    by: identityOf(run),
    person: personOf(run),
    reason: requireReason(reason),
    at: run.clock.now().toISOString(),
  };
  return recordAnswer(context, found, await signDecision(given, key.signer));
}

/** Errors: UsageInvalid. */
export function requireReason(reason: string): string {
  if (reason.trim() !== "") return reason;
  throw new HoldfastError("UsageInvalid", "an answer needs a reason", {
    hint: 'Say why, for those who read the trail later: --reason "…".',
  });
}

/** Records an answer that was signed elsewhere. Errors: as answerRequest. */
export async function takeAnswer(context: PipelineContext, answer: SignedDecision): Promise<RequestStatus> {
  return recordAnswer(context, await findRequest(context, answer.decision.requestSha256, await openApprovers(context)), answer);
}

async function recordAnswer(
  context: PipelineContext,
  { status, vault }: FoundRequest,
  answer: SignedDecision,
): Promise<RequestStatus> {
  const approvers = await openApprovers(context);
  const { id, sha256, request } = status;
  const { decision, reason } = answer.decision;
  const action = decision === "approved" ? "approval.given" : "approval.denied";
  const entry = { vaultId: vault.id, action, at: context.run.clock.now().toISOString() } as const;
  if (status.state !== "waiting") throw refuse(id, describeAnswer(status));
  const objection = findObjection({ request, entry, answer, approvers });
  if (objection !== undefined) throw refuse(id, `cannot be answered so: the answer ${objection}`);
  await recordAction(context, vault, { action, source: request.source, backupId: request.backupId, reason, answer });
  const { requests } = await readRequests(context, vault, approvers);
  const after = requests.find((each) => each.sha256 === sha256) ?? status;
  if (isSame(after.decision, answer.decision)) return after;
  throw refuse(id, `has another answer already: it ${describeAnswer(after)}`);
}

function isSame(one: Decision | undefined, other: Decision): boolean {
  return one !== undefined && one.approver === other.approver && one.at === other.at && one.decision === other.decision;
}

function refuse(id: string, why: string): HoldfastError {
  return new HoldfastError("ApprovalRefused", `request ${id} ${why}`);
}
