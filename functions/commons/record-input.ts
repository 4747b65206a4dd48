/** What the function that records is asked for, by the step that asks. */
import * as z from "zod";
import { handingSteps } from "../../src/pipeline/record-handed-over.ts";
import { backupId, execution, source } from "./inputs.ts";

const about = { source, backupId, execution };
/** Of a restore: who asked for it, by their own word. */
const requestedBy = z.string().max(200).optional();
const to = z.string().max(63);

export const input = z.discriminatedUnion("step", [
  z.strictObject({
    step: z.enum(handingSteps),
    ...about,
    requestedBy,
    /** Of a restore: the class of the error that it ended with; absent: it was done. */
    error: z.string().max(200).optional(),
    /** A step that succeeded has found something; one that failed may not have come so far. */
    atLeast: z.int().min(0).max(1),
  }),
  z.strictObject({ step: z.literal("restore-begun"), ...about, requestedBy, to, request: z.string().max(64).default("") }),
  z.strictObject({
    step: z.literal("approval-requested"),
    ...about,
    input: z.record(z.string(), z.unknown()),
    subject: z.looseObject({ target: z.string(), standing: z.string(), options: z.record(z.string(), z.string()) }),
    loses: z.array(z.string()).max(40),
  }),
  z.strictObject({ step: z.literal("approval-answered"), ...about, request: z.string().regex(/^[0-9a-f]{64}$/) }),
  z.strictObject({ step: z.literal("safety-backup"), ...about, to, safety: z.strictObject({ source, backupId }) }),
]);
