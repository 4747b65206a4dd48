/**
 * Asks for the approval of a second person, or finds that it was given: for exactly one action, as
 * the policy's `approvals` want it (docs/adr/0049-two-people.md).
 */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { ApprovalRequest, ApprovalSubject } from "../../vault/documents/approval.ts";
import { requestSha256, requireRequest, subjectSha256 } from "../../vault/documents/approval.ts";
import { findCurrent, isOver, type RequestStatus } from "../../vault/request-states.ts";
import type { SignedVault } from "../../vault/vault.ts";
import { identityOf, personOf, recordAction } from "../audit/record-action.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { describeAnswer, describeDifferences } from "./describe-request.ts";
import { type KnownApprovers, openApprovers } from "./known-approvers.ts";
import { readRequests } from "./read-requests.ts";

/** What is asked for, and why. */
export interface Asking {
  readonly subject: ApprovalSubject;
  /** Needed where nothing was asked before. */
  readonly reason?: string | undefined;
  /** What is replaced, released or deleted, a sentence each. */
  readonly loses: readonly string[];
  /** The request that speaks for it; absent: whichever is about the same. */
  readonly requestId?: string | undefined;
}

/** The word of a second person for one action, not used yet. */
export interface Approval {
  readonly status: RequestStatus;
  /**
   * Uses it, once. `subject` is the action as it is now. Errors: ApprovalRefused (somebody else was
   * faster, its time is over, or it is about something else), those of the trail.
   */
  use(subject: ApprovalSubject): Promise<void>;
}

export type Sought =
  | { readonly approval: Approval }
  /** `isNew`: this run has asked. */
  | { readonly waiting: RequestStatus; readonly isNew: boolean };

/**
 * Errors: ApprovalRefused (it was denied; or the request that is named is over, used, or about
 * something else), RequestNotFound, UsageInvalid (no reason), PolicyInvalid, those of the trail.
 */
export async function seekApproval(context: PipelineContext, vault: SignedVault, asking: Asking): Promise<Sought> {
  const approvers = await openApprovers(context);
  refuseWithoutApprovers(context, approvers);
  const { requests, problems } = await readRequests(context, vault, approvers);
  for (const problem of problems) context.run.log.warn(`in the audit trail of ${vault.store.url}, ${problem}`);
  const { subject, requestId } = asking;
  const now = context.run.clock.now();
  const status = requestId === undefined ? findCurrent(requests, subject, now) : named(requests, requestId, subject);
  if (status === undefined) return { waiting: await ask(context, vault, asking, approvers), isNew: true };
  for (const line of status.ignored) context.run.log.warn(`of request ${status.id}, ${line}: it counts for nothing`);
  if (status.state === "waiting") return { waiting: status, isNew: false };
  if (status.state !== "approved") throw closed(status);
  return { approval: { status, use: (now) => useApproval(context, vault, approvers, status, now) } };
}

/** Nobody waits for an answer that nobody can give. */
function refuseWithoutApprovers(context: PipelineContext, approvers: KnownApprovers): void {
  const now = context.run.clock.now().toISOString();
  if ([...approvers.values()].some(({ retiredAt }) => retiredAt === undefined || now < retiredAt)) return;
  throw new HoldfastError("ApprovalRefused", "the policy wants the approval of a second person, and names nobody who may approve", {
    hint: "Add an approver's public key under approvals.approvers; they make the key with `holdfast approver-key`.",
  });
}

function named(requests: readonly RequestStatus[], id: string, subject: ApprovalSubject): RequestStatus {
  const [status, second] = requests.filter(({ sha256 }) => id !== "" && sha256.startsWith(id));
  if (status === undefined || second !== undefined) {
    throw new HoldfastError(
      "RequestNotFound",
      `${second === undefined ? "no request begins" : "more than one request begins"} with ${id}`,
    );
  }
  if (status.doubt !== undefined) {
    throw new HoldfastError("ApprovalRefused", `nothing can be done by request ${status.id}: ${status.doubt}`, {
      hint: "Look at the trail with `holdfast audit`, and ask again with a new request.",
    });
  }
  requireSame(status, subject);
  return status;
}

function requireSame(status: RequestStatus, subject: ApprovalSubject): void {
  if (subjectSha256(status.request) === subjectSha256(subject)) return;
  throw new HoldfastError("ApprovalRefused", `request ${status.id} is about something else than this`, {
    details: describeDifferences(status.request, subject),
    hint: "Do exactly what was asked for, or ask again: the same command without --request.",
  });
}

function closed(status: RequestStatus): HoldfastError {
  return new HoldfastError("ApprovalRefused", `request ${status.id} ${describeAnswer(status)}`, {
    hint:
      status.state === "denied"
        ? `Talk to them. It can be asked for again after ${status.request.expiresAt}.`
        : "Ask again: the same command with --reason, without --request.",
  });
}

async function ask(
  context: PipelineContext,
  vault: SignedVault,
  { subject, reason, loses }: Asking,
  approvers: KnownApprovers,
): Promise<RequestStatus> {
  if (reason === undefined || reason.trim() === "") {
    throw new HoldfastError("UsageInvalid", "this needs the approval of a second person, who wants to know why", {
      hint: 'Say why, for the approver and for those who read the trail later: --reason "…".',
    });
  }
  const now = context.run.clock.now();
  const request: ApprovalRequest = requireRequest({
    ...subject,
    by: identityOf(context.run),
    person: personOf(context.run),
    reason,
    loses,
    at: now.toISOString(),
    expiresAt: new Date(now.getTime() + (context.policy.approvals?.expiresSeconds ?? 0) * 1000).toISOString(),
  });
  const { source, backupId } = subject;
  await recordAction(context, vault, { action: "approval.requested", source, backupId, reason, request });
  const { requests } = await readRequests(context, vault, approvers);
  const asked = requests.find(({ sha256 }) => sha256 === requestSha256(request));
  if (asked !== undefined) return asked;
  throw new HoldfastError("ApprovalRefused", "the request that was just made does not count: the audit trail does not take it", {
    hint: "Look at the trail with `holdfast audit`.",
  });
}

/**
 * Of runs that use it at once, the first in the trail has it. Its entry is written before anything
 * is done.
 */
async function useApproval(
  context: PipelineContext,
  vault: SignedVault,
  approvers: KnownApprovers,
  { sha256, request }: RequestStatus,
  subject: ApprovalSubject,
): Promise<void> {
  const read = async (): Promise<RequestStatus> => {
    const { requests } = await readRequests(context, vault, approvers);
    const status = requests.find((each) => each.sha256 === sha256);
    if (status !== undefined) return status;
    throw new HoldfastError("ApprovalRefused", "the request is no longer in the audit trail");
  };
  const before = await read();
  requireSame(before, subject);
  if (before.state !== "approved" || before.doubt !== undefined) throw closed(before);
  const { source, backupId } = request;
  const entry = await recordAction(context, vault, { action: "approval.used", source, backupId, requestSha256: sha256 });
  const after = await read();
  if (entry !== undefined && after.used?.number === entry.number && !isOver(request, new Date(entry.at))) return;
  throw closed(after);
}
