/**
 * What of an approval lies in the stack's state bucket, below `approvals/`: who asked, proven by
 * AWS (`asked/`, written by `ask`); the task token (`waiting/`, written by `request`, read by
 * `answer` alone); the answer (`answers/`, written by `answer`, read by `record`).
 */
import { createHash } from "node:crypto";
import { HoldfastError, isHoldfastError } from "../../src/errors/holdfast-error.ts";
import { requestShape } from "../../src/vault/documents/approval.ts";
import { canonicalJson } from "../../src/vault/documents/canonical-json.ts";
import { instant, object, oneOf, type Shape, type ShapeOf, sha256, text } from "../../src/vault/documents/json-shape.ts";
import { readDocument } from "../../src/vault/documents/read-document.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";

const maxDocumentBytes = 64 * 1024;
const filled = text("a text", (value) => value.trim() !== "");

const askedShape = object({
  required: {
    execution: filled,
    /** The ARN that AWS gave for who asks. */
    person: filled,
    reason: filled,
    at: instant,
    /** Of the execution's input: what they asked for. */
    inputSha256: sha256,
  },
});
export type Asked = ShapeOf<typeof askedShape>;

const waitingShape = object({ required: { execution: filled, taskToken: filled, request: requestShape } });
export type Waiting = ShapeOf<typeof waitingShape>;

const answerShape = object({
  required: {
    requestSha256: sha256,
    decision: oneOf("approved", "denied"),
    /** The ARN that AWS gave for who answers. */
    person: filled,
    reason: filled,
    at: instant,
  },
});
export type StoredAnswer = ShapeOf<typeof answerShape>;

const digest = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex");
/** Of an execution's input, whatever the order of its members. */
export const inputSha256 = (input: unknown): string => digest(canonicalJson(input));

const keyOf = {
  asked: (execution: string): string => `approvals/asked/${digest(execution)}.json`,
  waiting: (sha: string): string => `approvals/waiting/${sha}.json`,
  answer: (sha: string): string => `approvals/answers/${sha}.json`,
};

/** Errors: ObjectExists, those of the store. */
export async function writeAsked(store: ObjectStore, asked: Asked): Promise<void> {
  await store.put(keyOf.asked(asked.execution), canonicalJson(asked), { ifAbsent: true });
}

/** Undefined: nobody is proven to have asked. Errors: EvidenceInvalid, those of the store. */
export async function readAsked(store: ObjectStore, execution: string): Promise<Asked | undefined> {
  const asked = await readOptional(store, keyOf.asked(execution), askedShape);
  return asked?.execution === execution ? asked : undefined;
}

/** A later try of the same step waits with a token of its own. Errors: those of the store. */
export async function writeWaiting(store: ObjectStore, sha: string, waiting: Waiting): Promise<void> {
  await store.put(keyOf.waiting(sha), canonicalJson(waiting));
}

/**
 * What waits under the name that `id` begins. Errors: RequestNotFound, UsageInvalid (ambiguous),
 * EvidenceInvalid, those of the store.
 */
export async function findWaiting(store: ObjectStore, id: string): Promise<{ readonly sha256: string; readonly waiting: Waiting }> {
  const found: string[] = [];
  for await (const { key } of store.list(`approvals/waiting/${id}`)) {
    found.push(key);
    if (found.length > 1) break;
  }
  const [key] = found;
  if (key === undefined) throw new HoldfastError("RequestNotFound", `no request of this stack begins with ${id}`);
  if (found.length > 1) throw new HoldfastError("UsageInvalid", `"${id}" is ambiguous: more than one request begins with it`);
  const waiting = await readOptional(store, key, waitingShape);
  if (waiting === undefined) throw new HoldfastError("RequestNotFound", `no request of this stack begins with ${id}`);
  return { sha256: key.slice("approvals/waiting/".length, -".json".length), waiting };
}

/**
 * The answer that stands: this one, or the one that was there before. Errors: those of the store.
 */
export async function writeAnswer(store: ObjectStore, answer: StoredAnswer): Promise<StoredAnswer> {
  try {
    await store.put(keyOf.answer(answer.requestSha256), canonicalJson(answer), { ifAbsent: true });
    return answer;
  } catch (error) {
    if (!isHoldfastError(error, "ObjectExists")) throw error;
    return (await readAnswer(store, answer.requestSha256)) ?? answer;
  }
}

/** Errors: EvidenceInvalid, those of the store. */
export async function readAnswer(store: ObjectStore, sha: string): Promise<StoredAnswer | undefined> {
  return readOptional(store, keyOf.answer(sha), answerShape);
}

async function readOptional<T>(store: ObjectStore, key: string, shape: Shape<T>): Promise<T | undefined> {
  try {
    return (await readDocument(store, key, { name: "approval", shape, error: "EvidenceInvalid", maxBytes: maxDocumentBytes }))
      .value;
  } catch (error) {
    if (isHoldfastError(error, "ObjectNotFound")) return undefined;
    throw error;
  }
}
