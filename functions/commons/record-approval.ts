/**
 * Requests and answers of a stack in the audit trail: who asked, who answered, and that it is used.
 */
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { maySame } from "../../src/pipeline/approvals/identity.ts";
import { readRequests } from "../../src/pipeline/approvals/read-requests.ts";
import { recordAction } from "../../src/pipeline/audit/record-action.ts";
import type { FoundBackup } from "../../src/pipeline/catalogue/find-backups.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import {
  type ApprovalRequest,
  type ApprovalSubject,
  type Decision,
  requestIdOf,
  requestSha256,
  requireRequest,
} from "../../src/vault/documents/approval.ts";
import { isOver, type RequestStatus } from "../../src/vault/request-states.ts";
import { type Asked, inputSha256, readAnswer, readAsked, type StoredAnswer } from "./approval-store.ts";
import { approvalSeconds, inExecution } from "./guarded-restore.ts";
import { withStateStore } from "./state-store.ts";

export interface Asking {
  readonly execution: string;
  /** Of the execution, as Step Functions has it. */
  readonly input: Readonly<Record<string, unknown>>;
  /** What the look at the target found: what is replaced, and what is lost by it. */
  readonly subject: Pick<ApprovalSubject, "target" | "standing" | "options">;
  readonly loses: readonly string[];
}

/**
 * Writes down who asks for what, and until when. Errors: ApprovalRefused (nobody is proven to have
 * asked for exactly this), UsageInvalid, those of the trail.
 */
export async function recordRequest(context: PipelineContext, { vault, entry }: FoundBackup, asking: Asking) {
  const { source, id: backupId } = entry;
  const asked = await withStateStore(context.run.clock, (store) => readAsked(store, asking.execution));
  const request = requireRequest(makeRequest(context, { source, backupId }, asking, requireAsked(asked, asking)));
  const sha256 = requestSha256(request);
  if ((await findStatus(context, vault, sha256)) === undefined) {
    await recordAction(context, vault, { action: "approval.requested", source, backupId, reason: request.reason, request });
  }
  const remainingMs = Date.parse(request.expiresAt) - context.run.clock.now().getTime();
  return {
    sha256,
    id: requestIdOf(sha256),
    person: request.person,
    request,
    waitSeconds: Math.max(1, Math.ceil(remainingMs / 1000)),
  };
}

function requireAsked(asked: Asked | undefined, { input }: Asking): Asked {
  if (asked !== undefined && asked.inputSha256 === inputSha256(input)) return asked;
  throw new HoldfastError(
    "ApprovalRefused",
    "nobody is proven to have asked for this restore, which replaces what stands at the target",
    {
      hint: "Start it with `holdfast --stack … restore … --overwrite --reason …`: an execution that is started by hand says nothing of who starts it.",
    },
  );
}

function makeRequest(
  context: PipelineContext,
  about: { readonly source: string; readonly backupId: string },
  { execution, input, subject, loses }: Asking,
  { person, reason, at }: Asked,
): ApprovalRequest {
  const most = approvalSeconds(context);
  const wanted = Number(input["expiresSeconds"] ?? most);
  // Of the instant at which it was asked, so that a second try makes the same request.
  const expiresAt = new Date(Date.parse(at) + Math.min(wanted, most) * 1000).toISOString();
  const { target, standing, options } = subject;
  const exactly = inExecution({ action: "overwrite", ...about, target, standing, options }, execution);
  return { ...exactly, by: person, person, reason, loses, at, expiresAt };
}

/**
 * Writes the answer down, and uses the approval. Errors: ApprovalDenied, ApprovalExpired,
 * ApprovalRefused (there is no answer, or it does not count), those of the trail.
 */
export async function recordAnswer(
  context: PipelineContext,
  { vault, entry }: FoundBackup,
  { request: sha }: { readonly request: string },
) {
  const { source, id: backupId } = entry;
  const read = () => findStatus(context, vault, sha);
  const before = await read();
  const answer = await withStateStore(context.run.clock, (store) => readAnswer(store, sha));
  if (before === undefined || answer === undefined) throw refuse(sha, "has no answer that could be recorded");
  if (maySame(answer.person, before.request.person)) throw refuse(sha, "was answered by the person who asked");
  if (before.decision === undefined) {
    const { decision, reason } = answer;
    const action = decision === "approved" ? "approval.given" : "approval.denied";
    await recordAction(context, vault, { action, source, backupId, reason, answer: { decision: decisionOf(vault.id, answer) } });
  }
  const after = requireApproved(context, sha, await read());
  if (after.used === undefined) {
    await recordAction(context, vault, { action: "approval.used", source, backupId, requestSha256: sha });
  }
  return { sha256: sha, approvedBy: answer.person };
}

function decisionOf(vaultId: string, { requestSha256, decision, person, reason, at }: StoredAnswer): Decision {
  return { vaultId, requestSha256, decision, approver: person, by: person, person, reason, at };
}

function requireApproved(context: PipelineContext, sha: string, status: RequestStatus | undefined): RequestStatus {
  const { decision } = status ?? {};
  if (status === undefined || decision === undefined) throw refuse(sha, "has no answer that counts");
  if (decision.decision === "denied") {
    const message = `request ${requestIdOf(sha)} was denied by ${decision.person}: ${decision.reason}`;
    throw new HoldfastError("ApprovalDenied", message);
  }
  if (status.used === undefined && isOver(status.request, context.run.clock.now())) {
    throw new HoldfastError("ApprovalExpired", `request ${requestIdOf(sha)} expired at ${status.request.expiresAt}`);
  }
  if (status.doubt !== undefined) throw refuse(sha, `can no longer be relied on: ${status.doubt}`);
  return status;
}

async function findStatus(context: PipelineContext, vault: FoundBackup["vault"], sha: string): Promise<RequestStatus | undefined> {
  const { requests } = await readRequests(context, vault, "identities");
  return requests.find(({ sha256 }) => sha256 === sha);
}

const refuse = (sha: string, why: string): HoldfastError =>
  new HoldfastError("ApprovalRefused", `request ${requestIdOf(sha)} ${why}`);
