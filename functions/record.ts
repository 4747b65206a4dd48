/**
 * Records in the vault what another function found of a backup. It runs no code of a backup, and is
 * the only function that may write evidence.
 */
import * as z from "zod";
import { HoldfastError } from "../src/errors/holdfast-error.ts";
import { whileReading } from "../src/pipeline/catalogue/with-read-mark.ts";
import { handingSteps } from "../src/pipeline/record-handed-over.ts";
import { findNamed } from "./commons/found-backup.ts";
import { takeOver } from "./commons/handed-over.ts";
import { backupId, execution, source } from "./commons/inputs.ts";
import { recordClaim, recordRestored } from "./commons/record-claim.ts";
import { withStateStore } from "./commons/state-store.ts";
import { defineStep, serve } from "./commons/step.ts";

export const step = defineStep({
  name: "record",
  input: z.strictObject({
    step: z.enum(handingSteps),
    source,
    backupId,
    execution,
    /** Of a restore: who asked for it, by their own word. */
    requestedBy: z.string().max(200).optional(),
    /** Of a restore: the class of the error that it ended with; absent: it was done. */
    error: z.string().max(200).optional(),
    /** A step that succeeded has found something; one that failed may not have come so far. */
    atLeast: z.int().min(0).max(1),
  }),
  async run(context, request) {
    const { source: name, backupId: id, atLeast } = request;
    const found = await findNamed(context, request);
    const recorded = await withStateStore(context.run.clock, (store) =>
      // The mark keeps a prune from deleting the backup while its evidence is written.
      whileReading(context, found, "record", () =>
        takeOver(store, request, (claim) => recordClaim(context, found, request, claim)),
      ),
    );
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
