/**
 * What has become of the requests in an audit trail: pure functions over its entries, in their
 * order. A request counts when the trail takes it; an answer when an approver gave it in time; and
 * the first of them decides.
 */
import type { TrailItem } from "./audit-trail.ts";
import {
  type ApprovalRequest,
  type ApprovalSubject,
  type Decision,
  requestIdOf,
  requestSha256,
  subjectSha256,
} from "./documents/approval.ts";
import type { AuditEntry } from "./documents/audit-entry.ts";
import { type Approvers, findObjection } from "./judge-answer.ts";
import { parseAuditKey } from "./layout.ts";

/** `expired`: nobody answered in time, or nobody used the approval in time. */
export type RequestState = "waiting" | "approved" | "denied" | "expired" | "used";

export interface RequestStatus {
  /** What people type. */
  readonly id: string;
  readonly sha256: string;
  /** Its entry's number in the trail. */
  readonly number: number;
  readonly request: ApprovalRequest;
  readonly state: RequestState;
  /** The answer that decides. */
  readonly decision?: Decision | undefined;
  readonly used?: { readonly number: number; readonly at: string; readonly by: string } | undefined;
  /** Entries about it that count for nothing, a sentence each. */
  readonly ignored: readonly string[];
  /** Why nothing may be done by it: entries after it are gone. */
  readonly doubt?: string | undefined;
}

export interface RequestStates {
  /** Oldest first. */
  readonly requests: readonly RequestStatus[];
  /** Entries that say something of approvals and count for nothing, a sentence each. */
  readonly problems: readonly string[];
}

interface Draft {
  readonly entry: AuditEntry;
  readonly request: ApprovalRequest;
  decision?: Decision;
  used?: RequestStatus["used"];
  readonly ignored: string[];
  doubt?: string;
}

/** The state of every request in a trail at `now`. Never throws. */
export function readRequestStates(items: Iterable<TrailItem>, approvers: Approvers, now: Date): RequestStates {
  const drafts = new Map<string, Draft>();
  const problems: string[] = [];
  for (const item of items) {
    if ("problem" in item) noteLoss(drafts, item.key, item.problem, item.lost === true);
    else problems.push(...takeEntry(drafts, item, approvers));
  }
  return { requests: [...drafts].map(([sha, draft]) => statusOf(sha, draft, now)), problems };
}

/** What is gone may have been an answer, or a use. */
function noteLoss(drafts: ReadonlyMap<string, Draft>, key: string, problem: string, lost: boolean): void {
  if (!lost) return;
  const number = parseAuditKey(key) ?? Number.POSITIVE_INFINITY;
  for (const draft of drafts.values()) if (draft.entry.number < number) draft.doubt ??= `${key} ${problem}`;
}

/** Gives what is wrong with the entry where no request is there to say it of. */
function takeEntry(
  drafts: Map<string, Draft>,
  { entry, certain }: { readonly entry: AuditEntry; readonly certain: boolean },
  approvers: Approvers,
): string[] {
  const { action, number, request, answer, requestSha256: used } = entry;
  if (action === "approval.requested") {
    const problem = certain ? takeRequest(drafts, entry, request) : "could not be checked: a public key is not at hand";
    return problem === undefined ? [] : [`request number ${number} counts for nothing: it ${problem}`];
  }
  if (!action.startsWith("approval.")) return [];
  const draft = drafts.get((action === "approval.used" ? used : answer?.decision.requestSha256) ?? "");
  if (draft === undefined) return [`number ${number} (${action}) is about no request before it`];
  if (action === "approval.used") takeUse(draft, entry);
  else takeAnswer(draft, entry, { certain, approvers });
  return [];
}

function takeRequest(drafts: Map<string, Draft>, entry: AuditEntry, request: ApprovalRequest | undefined): string | undefined {
  if (request === undefined) return "does not say what is asked for";
  if (request.expiresAt <= request.at) return "is over before it begins";
  const sha = requestSha256(request);
  // Written a second time, it would begin anew what was used or denied.
  if (drafts.has(sha)) return "was asked before, word for word";
  drafts.set(sha, { entry, request, ignored: [] });
  return undefined;
}

function takeAnswer(
  draft: Draft,
  entry: AuditEntry,
  { certain, approvers }: { readonly certain: boolean; readonly approvers: Approvers },
): void {
  const { answer, number } = entry;
  if (answer === undefined) return;
  const { approver, decision } = answer.decision;
  // A denial that cannot be checked denies; an approval that cannot be checked approves nothing.
  const unchecked = certain || decision === "denied" ? undefined : "could not be checked: a public key is not at hand";
  const objection =
    unchecked ??
    findObjection({ request: draft.request, entry, answer, approvers }) ??
    (draft.used === undefined ? undefined : "came after it was used") ??
    (draft.decision === undefined ? undefined : `came after ${draft.decision.approver} had ${draft.decision.decision} it`);
  if (objection === undefined) draft.decision = answer.decision;
  else draft.ignored.push(`number ${number}: "${decision}" by ${approver} ${objection}`);
}

/** Even a use that nobody approved ends a request. */
function takeUse(draft: Draft, { number, at, by }: AuditEntry): void {
  if (draft.used !== undefined) {
    draft.ignored.push(`number ${number}: used by ${by}, who came after ${draft.used.by}`);
    return;
  }
  draft.used = { number, at, by };
  if (draft.decision?.decision !== "approved") draft.ignored.push(`number ${number}: used by ${by} without an approval`);
  else if (at >= draft.request.expiresAt) draft.ignored.push(`number ${number}: used by ${by} after ${draft.request.expiresAt}`);
}

function statusOf(sha256: string, { entry, request, decision, used, ignored, doubt }: Draft, now: Date): RequestStatus {
  return {
    id: requestIdOf(sha256),
    sha256,
    number: entry.number,
    request,
    state: stateOf(request, decision, used !== undefined, now),
    decision,
    used,
    ignored,
    doubt,
  };
}

function stateOf(request: ApprovalRequest, decision: Decision | undefined, used: boolean, now: Date): RequestState {
  if (used) return "used";
  if (decision?.decision === "denied") return "denied";
  if (isOver(request, now)) return "expired";
  return decision === undefined ? "waiting" : "approved";
}

/** Whether the time of a request has ended. */
export function isOver({ expiresAt }: ApprovalRequest, now: Date): boolean {
  return now.toISOString() >= expiresAt;
}

/**
 * The request that speaks for an action now: the newest about exactly this that is approved,
 * waiting, or denied until its time ends. Undefined: it has to be asked.
 */
export function findCurrent(requests: readonly RequestStatus[], subject: ApprovalSubject, now: Date): RequestStatus | undefined {
  const wanted = subjectSha256(subject);
  return requests.findLast(
    ({ request, state, doubt }) =>
      doubt === undefined && state !== "used" && !isOver(request, now) && subjectSha256(request) === wanted,
  );
}
