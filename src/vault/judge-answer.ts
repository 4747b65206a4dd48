/** Whether an answer to a request counts: who gave it, with which key, and when. */
import { type ApprovalRequest, decisionMessage, type SignedDecision } from "./documents/approval.ts";
import type { AuditEntry } from "./documents/audit-entry.ts";
import { maxClockDifferenceMs } from "./documents/future.ts";

/** An approver of the policy. */
export interface KnownApprover {
  verify(message: Uint8Array, signature: Uint8Array): boolean;
  /** Their user on the machine that restores. */
  readonly user?: string | undefined;
  /** From then on they decide nothing; ISO 8601. */
  readonly retiredAt?: string | undefined;
}

/**
 * By name. `identities`: a stack's trail, whose only writer has asked AWS who answers; such answers
 * are signed by nobody else.
 */
export type Approvers = ReadonlyMap<string, KnownApprover> | "identities";

/** An answer, and what it is held against. */
export interface GivenAnswer {
  readonly request: ApprovalRequest;
  /** The entry that recorded it. */
  readonly entry: Pick<AuditEntry, "vaultId" | "action" | "at">;
  readonly answer: SignedDecision;
  readonly approvers: Approvers;
}

/** Why the answer does not count; completes "the approval …". Undefined: it counts. */
export function findObjection(given: GivenAnswer): string | undefined {
  const { request, entry, answer } = given;
  const { decision, vaultId, at, person } = answer.decision;
  if (vaultId !== entry.vaultId) return "was given for another vault";
  if (entry.action !== (decision === "approved" ? "approval.given" : "approval.denied")) return "is recorded as its opposite";
  if (Date.parse(at) < Date.parse(request.at) - maxClockDifferenceMs) return "is dated before the request";
  if (at >= request.expiresAt || entry.at >= request.expiresAt) return `came after ${request.expiresAt}`;
  if (person === request.person) return "is by the person who asked";
  return given.approvers === "identities" ? undefined : findKeyObjection(given, given.approvers);
}

function findKeyObjection(
  { request, entry, answer }: GivenAnswer,
  approvers: ReadonlyMap<string, KnownApprover>,
): string | undefined {
  const { decision, signature } = answer;
  const approver = approvers.get(decision.approver);
  if (approver === undefined) return "is by nobody whom the policy names as an approver";
  if (signature === undefined) return "is not signed with an approver's key";
  if (!approver.verify(decisionMessage(decision), Buffer.from(signature, "base64url"))) return "is not signed with their key";
  if (approver.user !== undefined && approver.user === userOf(request.person)) return "is by the person who asked";
  const { retiredAt } = approver;
  // By when it was recorded: a thief of an old key may date an answer back.
  if (retiredAt !== undefined && entry.at >= retiredAt) return "is by somebody who no longer approves";
  return undefined;
}

/** `ada` of `ada@host`. */
function userOf(person: string): string {
  return person.split("@", 1)[0] ?? person;
}
