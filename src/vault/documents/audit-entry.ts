/**
 * One entry of a vault's audit trail: who did what, with which backup, when and why; signed, and
 * chained to the entry before it. Format: docs/vault-format.md, "Audit trail".
 */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { Signer, Verdict, Verifier } from "../../proof/statement.ts";
import { isBackupId, isSourceName } from "../layout.ts";
import { entryText, requestShape, requireRequest, signedDecisionShape } from "./approval.ts";
import { canonicalJson } from "./canonical-json.ts";
import { formatVersion } from "./format-version.ts";
import { count, instant, object, oneOf, orNull, record, type ShapeOf, sha256, text } from "./json-shape.ts";
import { judgeSignature, signatureOf, signatureShape } from "./sign-entry.ts";

/** What can be done; each is a word that people filter by. */
export const auditActions = [
  "approval.denied",
  "approval.given",
  "approval.requested",
  "approval.used",
  "backup.accepted",
  "backup.exported",
  "erasure.added",
  "hold.added",
  "hold.released",
  "restore.begun",
  "restore.done",
  "restore.failed",
  "vault.undeleted",
] as const;
export type AuditAction = (typeof auditActions)[number];

const auditEntryShape = object({
  required: {
    formatVersion: oneOf(formatVersion),
    vaultId: entryText,
    /** Its place in the trail, from 1; the number in its name. */
    number: count,
    /** SHA-256 of the bytes of the entry before it; null for the first. */
    previous: orNull(sha256),
    at: instant,
    /** The person or execution that did it, as far as this machine or account knows them. */
    by: entryText,
    action: oneOf(...auditActions),
    holdfastVersion: entryText,
  },
  optional: {
    source: text("a source's name", isSourceName),
    backupId: text("a backup's id", isBackupId),
    reason: entryText,
    /** What else belongs to the action: where to, which request, how it ended. */
    details: record(entryText),
    /** Of `approval.requested`. */
    request: requestShape,
    /** Of `approval.given` and `approval.denied`. */
    answer: signedDecisionShape,
    /** Of `approval.used`: which request's. */
    requestSha256: sha256,
  },
});

export type AuditEntry = ShapeOf<typeof auditEntryShape>;

/** The document: the entry, and the signature over its canonical form. */
export const signedEntryShape = object({
  required: { formatVersion: oneOf(formatVersion), entry: auditEntryShape, signature: signatureShape },
});
export type SignedEntry = ShapeOf<typeof signedEntryShape>;

/** The first line of what is signed. */
const title = "holdfast-audit-1";

/** The document's bytes. Errors: UsageInvalid for what cannot be an entry, those of the signer. */
export async function signEntry(entry: AuditEntry, signer: Signer): Promise<Uint8Array> {
  const problem = auditEntryShape(entry, "entry");
  if (problem !== undefined) throw new HoldfastError("UsageInvalid", `this cannot go into the audit trail: ${problem}`);
  if (entry.request !== undefined) requireRequest(entry.request);
  return canonicalJson({ formatVersion, entry, signature: await signatureOf(title, entry, signer) } satisfies SignedEntry);
}

/** Whether one of the policy's keys signed it. */
export function judgeEntry({ entry, signature }: Pick<SignedEntry, "entry" | "signature">, verifier: Verifier): Verdict {
  return judgeSignature(title, entry, signature, verifier);
}
