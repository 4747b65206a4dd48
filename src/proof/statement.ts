/**
 * Statements: what is signed of a document that counts by its name. The signature stands in the
 * name, so that a listing alone shows which documents were made with the vault's key
 * (docs/vault-format.md, "Signatures").
 */
import type { HoldfastError } from "../errors/holdfast-error.ts";

/** What a signature is about: which document of which vault, and the SHA-256 of its bytes. */
export interface Statement {
  /** The kind of document. Each kind has its own names in the vault, and its own lines here. */
  readonly kind: "evidence" | "hold" | "tombstone";
  readonly vaultId: string;
  readonly source: string;
  readonly backupId: string;
  /** The time as the document's name has it: `20261120T020000123Z`. */
  readonly stamp: string;
  /** What was found; for evidence only. */
  readonly check?: string | undefined;
  /** SHA-256 of the document's bytes, in base64url. */
  readonly sha256: string;
}

/** Makes signatures: with a key file on this machine, with KMS by a request. */
export interface Signer {
  /** For messages: `ed25519:<16 hex>`, or `kms:<arn>`. */
  readonly keyId: string;
  /** 64 bytes. Errors: KeyUnavailable. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/**
 * `genuine`: one of the policy's keys made it. `forged`: none of them did. `unknown`: none of those
 * at hand did, and others are not at hand.
 */
export type Verdict = "genuine" | "forged" | "unknown";

/** Checks signatures, on this machine and without any request. */
export interface Verifier {
  verify(message: Uint8Array, signature: Uint8Array): Verdict;
  /** Why a verdict may be `unknown`: a public key is not at hand. */
  readonly lacking?: HoldfastError | undefined;
}

/**
 * The statement's text, the same for the same statement: a line for what this is, then one for each
 * member, in this order. No member holds a line's end: they come from names that are restricted.
 */
export function statementText(statement: Statement): Uint8Array {
  const { kind, vaultId, source, backupId, stamp, check, sha256 } = statement;
  const lines = [
    "holdfast-statement-1",
    `kind: ${kind}`,
    `vault: ${vaultId}`,
    `source: ${source}`,
    `backup: ${backupId}`,
    `at: ${stamp}`,
    ...(check === undefined ? [] : [`check: ${check}`]),
    `sha256: ${sha256}`,
  ];
  return Buffer.from(lines.map((line) => `${line}\n`).join(""), "utf8");
}
