/**
 * Records in the vault what another function found of a backup, and what becomes of restores. It
 * runs no code of a backup, and is the only function that may write evidence and the audit trail.
 */
import * as z from "zod";
import { HoldfastError } from "../src/errors/holdfast-error.ts";
import { handingSteps } from "../src/pipeline/record-handed-over.ts";
import { findNamed } from "./commons/found-backup.ts";
import { backupId, execution, source } from "./commons/inputs.ts";
import { recordBegun, recordFindings, recordRestored } from "./commons/record-claim.ts";
import { defineStep, serve } from "./commons/step.ts";

const about = { source, backupId, execution };
/** Of a restore: who asked for it, by their own word. */
const requestedBy = z.string().max(200).optional();

const input = z.discriminatedUnion("step", [
  z.strictObject({
    step: z.enum(handingSteps),
    ...about,
    requestedBy,
    /** Of a restore: the class of the error that it ended with; absent: it was done. */
    error: z.string().max(200).optional(),
    /** A step that succeeded has found something; one that failed may not have come so far. */
    atLeast: z.int().min(0).max(1),
  }),
  z.strictObject({ step: z.literal("restore-begun"), ...about, requestedBy, to: z.string().max(63) }),
]);

export const step = defineStep({
  name: "record",
  input,
  async run(context, request) {
    const found = await findNamed(context, request);
    if (request.step === "restore-begun") return recordBegun(context, found, request);
    const { source: name, backupId: id, atLeast } = request;
    const recorded = await recordFindings(context, found, request);
    if (request.step === "restore") await recordRestored(context, found, request);
    if (recorded < atLeast) {
      throw new HoldfastError("EvidenceInvalid", `nothing was found of ${id} of "${name}" that could be recorded`, {
        hint: "Start the state machine again: the step that proves the backup did not hand its finding over.",
      });
    }
    return { source: name, backupId: id, recorded };
  },
});

export const handler = serve(step);
