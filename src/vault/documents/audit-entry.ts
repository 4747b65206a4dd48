/**
 * One entry of a vault's audit trail: who did what, with which backup, when and why; signed, and
 * chained to the entry before it. Format: docs/vault-format.md, "Audit trail".
 */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { Signer, Verdict, Verifier } from "../../proof/statement.ts";
import { isBackupId, isSourceName } from "../layout.ts";
import { canonicalJson, sha256Hex } from "./canonical-json.ts";
import { formatVersion } from "./format-version.ts";
import { count, instant, object, oneOf, orNull, record, type ShapeOf, sha256, text } from "./json-shape.ts";

/** What can be done; each is a word that people filter by. */
export const auditActions = [
  "backup.accepted",
  "backup.exported",
  "hold.added",
  "hold.released",
  "restore.begun",
  "restore.done",
  "restore.failed",
] as const;
export type AuditAction = (typeof auditActions)[number];

/** Characters (UTF-16) of one text: a reason, a path. Entries stay within a small document. */
export const maxEntryTextLength = 2_000;
const short = text(
  `a text of 1 to ${maxEntryTextLength} characters`,
  (value) => value.trim() !== "" && value.length <= maxEntryTextLength,
);

const auditEntryShape = object({
  required: {
    formatVersion: oneOf(formatVersion),
    vaultId: short,
    /** Its place in the trail, from 1; the number in its name. */
    number: count,
    /** SHA-256 of the bytes of the entry before it; null for the first. */
    previous: orNull(sha256),
    at: instant,
    /** The person or execution that did it, as far as this machine or account knows them. */
    by: short,
    action: oneOf(...auditActions),
    holdfastVersion: short,
  },
  optional: {
    source: text("a source's name", isSourceName),
    backupId: text("a backup's id", isBackupId),
    reason: short,
    /** What else belongs to the action: where to, which request, how it ended. */
    details: record(short),
  },
});

export type AuditEntry = ShapeOf<typeof auditEntryShape>;

const signature = text("a signature", (value) => /^[\w-]{86}$/.test(value));

/** The document: the entry, and the signature over its canonical form. */
export const signedEntryShape = object({ required: { formatVersion: oneOf(formatVersion), entry: auditEntryShape, signature } });
export type SignedEntry = ShapeOf<typeof signedEntryShape>;

/** The document's bytes. Errors: UsageInvalid for what cannot be an entry, those of the signer. */
export async function signEntry(entry: AuditEntry, signer: Signer): Promise<Uint8Array> {
  const problem = auditEntryShape(entry, "entry");
  if (problem !== undefined) throw new HoldfastError("UsageInvalid", `this cannot go into the audit trail: ${problem}`);
  const made = Buffer.from(await signer.sign(auditMessage(entry))).toString("base64url");
  return canonicalJson({ formatVersion, entry, signature: made } satisfies SignedEntry);
}

/** Whether one of the policy's keys signed it. */
export function judgeEntry({ entry, signature: given }: SignedEntry, verifier: Verifier): Verdict {
  return verifier.verify(auditMessage(entry), Buffer.from(given, "base64url"));
}

/** The text that is signed: what this is, and the SHA-256 of the entry in canonical JSON. */
function auditMessage(entry: AuditEntry): Uint8Array {
  return Buffer.from(`holdfast-audit-1\nsha256: ${sha256Hex(canonicalJson(entry))}\n`, "utf8");
}
