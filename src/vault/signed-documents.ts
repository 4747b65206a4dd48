/**
 * Documents whose names carry a signature: evidence, holds and tombstones. What one of the policy's
 * keys did not sign counts for nothing (docs/vault-format.md, "Signatures").
 */
import { createHash } from "node:crypto";
import { type Signer, statementText, type Verdict } from "../proof/statement.ts";
import type { CheckName } from "./backup-state.ts";
import { formatStamp, type SignedKey, type SignedName } from "./layout.ts";
import type { SignedVault } from "./vault.ts";

/** What is signed of a document, besides its bytes. */
interface Named extends Pick<SignedKey, "kind" | "source" | "id"> {
  readonly at: Date;
  readonly check?: CheckName | undefined;
}

/**
 * Whether one of the policy's keys signed the document of this name. Reads nothing: that its bytes
 * are those which were signed, its reader finds out (`matchesName`).
 */
export function judgeName(vault: Pick<SignedVault, "id" | "verifier">, name: SignedKey & { readonly check?: CheckName }): Verdict {
  if (name.signed === undefined) return "forged";
  const { kind, source, id, check, signed } = name;
  const message = messageOf(vault.id, { kind, source, id, check, at: new Date(name.at) }, signed.sha256);
  return vault.verifier.verify(message, Buffer.from(signed.signature, "base64url"));
}

/** Signs a document: what the end of its name must be. Errors: those of the signer. */
export async function signDocument(vaultId: string, signer: Signer, named: Named, bytes: Uint8Array): Promise<SignedName> {
  const sha256 = digestOf(bytes);
  const signature = await signer.sign(messageOf(vaultId, named, sha256));
  return { sha256, signature: Buffer.from(signature).toString("base64url") };
}

/** Whether the bytes are those whose SHA-256 the name has. */
export function matchesName({ signed }: SignedKey, bytes: Uint8Array): boolean {
  return signed?.sha256 === digestOf(bytes);
}

function messageOf(vaultId: string, { kind, source, id, at, check }: Named, sha256: string): Uint8Array {
  return statementText({ kind, vaultId, source, backupId: id, stamp: formatStamp(at, true), check, sha256 });
}

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("base64url");
}
