/**
 * What two people say of one action: a request, and the decision on it. Both are parts of entries
 * of the audit trail (audit-entry.ts). Format: docs/vault-format.md, "Requests and decisions".
 */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { guardedActions } from "../../policy/approvals.ts";
import type { Signer } from "../../proof/statement.ts";
import { isBackupId, isSourceName } from "../layout.ts";
import { canonicalJson, sha256Hex } from "./canonical-json.ts";
import { instant, list, object, oneOf, record, type ShapeOf, sha256, text } from "./json-shape.ts";

/** Characters (UTF-16) of one text: a reason, a path. Entries stay within a small document. */
export const maxEntryTextLength = 2_000;
export const entryText = text(
  `a text of 1 to ${maxEntryTextLength} characters`,
  (value) => value.trim() !== "" && value.length <= maxEntryTextLength,
);

/** An option may be a list of many names. The entry around it has 64 KiB at most. */
const maxOptionLength = 16_000;
const maxRequestBytes = 32 * 1024;
const option = text(`a text of ${maxOptionLength} characters at most`, (value) => value.length <= maxOptionLength);

export const requestShape = object({
  required: {
    action: oneOf(...guardedActions),
    source: text("a source's name", isSourceName),
    /** Every option that changes what is done, by name; canonical JSON where it is not a text. */
    options: record(option),
    /** Who asks, as people read it. */
    by: entryText,
    /** The same person in every run: `ada@host`, or the ARN of an identity. */
    person: entryText,
    /** Why. */
    reason: entryText,
    /** What is replaced, released or deleted, a sentence each. */
    loses: list(entryText),
    at: instant,
    /** From then on it waits no longer, and its approval holds no longer. */
    expiresAt: instant,
  },
  optional: {
    backupId: text("a backup's id", isBackupId),
    /** As it was given, without a connection's parts. */
    target: entryText,
    /** What stands at the target: the same as long as nothing else is put there. */
    standing: entryText,
  },
});
export type ApprovalRequest = ShapeOf<typeof requestShape>;

/** What an approval allows: all that is not about who asked, when and why. */
export type ApprovalSubject = Pick<ApprovalRequest, "action" | "source" | "backupId" | "target" | "standing" | "options">;

export const decisions = ["approved", "denied"] as const;
export type DecisionWord = (typeof decisions)[number];

const decisionShape = object({
  required: {
    vaultId: entryText,
    requestSha256: sha256,
    decision: oneOf(...decisions),
    /** Their name in the policy, or the ARN of an identity. */
    approver: entryText,
    /** Who ran this, as people read it, and as in a request. */
    by: entryText,
    person: entryText,
    reason: entryText,
    at: instant,
  },
});
export type Decision = ShapeOf<typeof decisionShape>;

/**
 * `signature` is that of the approver's own key, in base64url; absent where a stack knows who
 * answered by their identity.
 */
export const signedDecisionShape = object({
  required: { decision: decisionShape },
  optional: { signature: text("a signature", (value) => /^[\w-]{86}$/.test(value)) },
});
export type SignedDecision = ShapeOf<typeof signedDecisionShape>;

/** Checks that the trail takes the request. Errors: UsageInvalid. */
export function requireRequest(request: ApprovalRequest): ApprovalRequest {
  const problem =
    requestShape(request, "request") ??
    (canonicalJson(request).length > maxRequestBytes ? `it has more than ${maxRequestBytes} bytes` : undefined);
  if (problem === undefined) return request;
  throw new HoldfastError("UsageInvalid", `this cannot be asked of an approver: ${problem}`, {
    hint: "Give fewer or shorter options, and a reason of one or two sentences.",
  });
}

/** What a decision signs of a request, and its full name. */
export function requestSha256(request: ApprovalRequest): string {
  return sha256Hex(canonicalJson(request));
}

/** Hex digits of a request's name on the command line. */
const idLength = 12;

/** What people type: the beginning of its SHA-256. A decision has all of it. */
export function requestIdOf(sha: string): string {
  return sha.slice(0, idLength);
}

/** Two requests with the same are about the same. */
export function subjectSha256({ action, source, backupId, target, standing, options }: ApprovalSubject): string {
  return sha256Hex(canonicalJson({ action, source, backupId, target, standing, options }));
}

/** Signs a decision with the approver's own key. Errors: those of the signer. */
export async function signDecision(decision: Decision, signer: Signer): Promise<SignedDecision> {
  const signature = Buffer.from(await signer.sign(decisionMessage(decision))).toString("base64url");
  return { decision, signature };
}

/**
 * The text that an approver signs: what this is, and the SHA-256 of the decision in canonical JSON.
 */
export function decisionMessage(decision: Decision): Uint8Array {
  return Buffer.from(`holdfast-decision-1\nsha256: ${sha256Hex(canonicalJson(decision))}\n`, "utf8");
}
