/**
 * What two people send each other where the approver does not reach the vault: a request, and the
 * answer to it, a JSON file each.
 */
import { readFile } from "node:fs/promises";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { type ApprovalRequest, requestShape, type SignedDecision, signedDecisionShape } from "../../vault/documents/approval.ts";
import { canonicalJson } from "../../vault/documents/canonical-json.ts";
import { formatVersion } from "../../vault/documents/format-version.ts";
import { object, oneOf, type Shape, text } from "../../vault/documents/json-shape.ts";
import { parseDocument } from "../../vault/documents/parse-document.ts";

const sentRequestShape = object({ required: { formatVersion: oneOf(formatVersion), vaultId: text(), request: requestShape } });
const sentAnswerShape = object({ required: { formatVersion: oneOf(formatVersion), answer: signedDecisionShape } });

export function sentRequest(vaultId: string, request: ApprovalRequest): Uint8Array {
  return canonicalJson({ formatVersion, vaultId, request });
}

export function sentAnswer(answer: SignedDecision): Uint8Array {
  return canonicalJson({ formatVersion, answer });
}

/** Errors: UsageInvalid. */
export async function readSentRequest(path: string): Promise<{ readonly vaultId: string; readonly request: ApprovalRequest }> {
  return readSent(path, sentRequestShape, "a request that `holdfast requests <id> --out` wrote");
}

/** Errors: UsageInvalid. */
export async function readSentAnswer(path: string): Promise<SignedDecision> {
  return (await readSent(path, sentAnswerShape, "an answer that `holdfast approve --out` wrote")).answer;
}

/** Larger than any that the trail takes. */
const maxBytes = 128 * 1024;

async function readSent<T>(path: string, shape: Shape<T>, what: string): Promise<T> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new HoldfastError("UsageInvalid", `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  });
  const parsed = bytes.length > maxBytes ? { problem: "is too large" } : parseDocument(bytes);
  const problem = parsed.problem ?? shape("value" in parsed ? parsed.value : undefined, "document");
  if (problem === undefined && "value" in parsed) return parsed.value as T;
  throw new HoldfastError("UsageInvalid", `${path} is not ${what}: ${problem}`);
}
