/**
 * How an entry of a chain is signed: over the SHA-256 of its canonical form, under the name of its
 * kind, so that an entry of one kind is never one of another.
 */
import type { Signer, Verdict, Verifier } from "../../proof/statement.ts";
import { canonicalJson, sha256Hex } from "./canonical-json.ts";
import { text } from "./json-shape.ts";

/** 64 bytes in base64url. */
export const signatureShape = text("a signature", (value) => /^[\w-]{86}$/.test(value));

/**
 * The signature of an entry; `title` is the first line: `holdfast-audit-1`. Errors: the signer's.
 */
export async function signatureOf(title: string, entry: unknown, signer: Signer): Promise<string> {
  return Buffer.from(await signer.sign(messageOf(title, entry))).toString("base64url");
}

/** Whether one of the policy's keys made the signature. */
export function judgeSignature(title: string, entry: unknown, signature: string, verifier: Verifier): Verdict {
  return verifier.verify(messageOf(title, entry), Buffer.from(signature, "base64url"));
}

function messageOf(title: string, entry: unknown): Uint8Array {
  return Buffer.from(`${title}\nsha256: ${sha256Hex(canonicalJson(entry))}\n`, "utf8");
}
