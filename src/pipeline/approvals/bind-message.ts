/** What the proof of who calls a function of a stack is bound to. */
import { createHash } from "node:crypto";
import { canonicalJson } from "../../vault/documents/canonical-json.ts";

/** The functions that people call in their own name. */
export type PersonalFunction = "ask" | "answer";

/** The stack, the function, and every word of the message, whatever the order of its members. */
export function bindMessage(stack: string, called: PersonalFunction, message: unknown): string {
  return createHash("sha256")
    .update(canonicalJson(["holdfast-caller-1", stack, called, message]))
    .digest("hex");
}
