/** Who calls a function, as AWS names them. */
import * as z from "zod";
import { bindMessage, type PersonalFunction } from "../../src/pipeline/approvals/bind-message.ts";
import { type CallerIdentity, identifyCaller } from "../../src/runtime/caller-proof.ts";
import { requireVariable } from "./environment.ts";

/** Header names and values. They are never logged, kept, or repeated in an error. */
export const proofShape = z.record(z.string().max(100), z.string().max(4_096)).refine((proof) => Object.keys(proof).length <= 20);

/**
 * `message`: what they ask of this function of this stack, word for word. Errors: those of
 * identifyCaller.
 */
export async function identifyFor(
  called: PersonalFunction,
  message: unknown,
  proof: z.output<typeof proofShape>,
): Promise<CallerIdentity> {
  return identifyCaller(proof, bindMessage(requireVariable("HOLDFAST_DEPLOYMENT"), called, message));
}
