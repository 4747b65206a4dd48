/** Requests and answers for tests, and a trail of them that nobody needs to store. */
import { fileSigner, publicKeyOf } from "../../src/sealing/file-signer.ts";
import { publicKeyVerifier } from "../../src/sealing/public-key.ts";
import type { TrailEntry } from "../../src/vault/audit-trail.ts";
import {
  type ApprovalRequest,
  type Decision,
  type DecisionWord,
  requestSha256,
  type SignedDecision,
  signDecision,
} from "../../src/vault/documents/approval.ts";
import type { AuditEntry } from "../../src/vault/documents/audit-entry.ts";
import type { KnownApprover } from "../../src/vault/judge-answer.ts";
import { keyOf } from "../../src/vault/layout.ts";
import { testVaultId } from "./signed-vault.ts";

export const start = Date.parse("2026-11-28T10:00:00.000Z");
export const minutes = (count: number): string => new Date(start + count * 60_000).toISOString();

const secret = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);

export function approverOf(byte: number, others: Partial<KnownApprover> = {}): KnownApprover {
  const verify = publicKeyVerifier(publicKeyOf(secret(byte)));
  return { verify: (message, signature) => verify?.(message, signature) === true, ...others };
}

/** A request of ada's, asked at minute 0, that waits for four hours. */
export const requestOf = (others: Partial<ApprovalRequest> = {}): ApprovalRequest => ({
  action: "overwrite",
  source: "shop",
  backupId: "20261128T020000Z-full-7k3f9a",
  target: "shop",
  standing: "database 16384 of server 7",
  options: { overwrite: "yes" },
  by: "ada@host:1",
  person: "ada@host",
  reason: "bad migration",
  loses: ["240 MB in 31 tables"],
  at: minutes(0),
  expiresAt: minutes(240),
  ...others,
});

export const decisionOn = (request: ApprovalRequest, decision: DecisionWord, others: Partial<Decision> = {}): Decision => ({
  vaultId: testVaultId,
  requestSha256: requestSha256(request),
  decision,
  approver: "ben",
  by: "ben@desk:2",
  person: "ben@desk",
  reason: "seen",
  at: minutes(10),
  ...others,
});

export const signedBy = (byte: number, decision: Decision): Promise<SignedDecision> =>
  signDecision(decision, fileSigner(secret(byte)));

/** Entries with their numbers, as a trail that was checked gives them. */
export function trailOf(facts: readonly Partial<AuditEntry>[], certain = true): TrailEntry[] {
  return facts.map((each, index) => ({
    key: keyOf.auditEntry(index + 1),
    certain,
    entry: {
      formatVersion: 2,
      vaultId: testVaultId,
      number: index + 1,
      previous: null,
      at: minutes(0),
      by: "ada@host:1",
      action: "hold.added",
      holdfastVersion: "0",
      ...each,
    },
  }));
}

export const asked = (request: ApprovalRequest): Partial<AuditEntry> => ({ action: "approval.requested", at: request.at, request });
export const answered = (answer: SignedDecision, at = answer.decision.at): Partial<AuditEntry> => ({
  action: answer.decision.decision === "approved" ? "approval.given" : "approval.denied",
  at,
  by: answer.decision.by,
  answer,
});
export const usedBy = (request: ApprovalRequest, at: string, by = "ada@host:3"): Partial<AuditEntry> => ({
  action: "approval.used",
  at,
  by,
  requestSha256: requestSha256(request),
});
