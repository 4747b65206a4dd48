/**
 * Records in the vault what another function found of a backup, and what becomes of restores. It
 * runs no code of a backup, and is the only function that may write evidence and the audit trail.
 */
import { HoldfastError } from "../src/errors/holdfast-error.ts";
import { findNamed } from "./commons/found-backup.ts";
import { recordAnswer, recordRequest } from "./commons/record-approval.ts";
import { recordBegun, recordFindings, recordRestored } from "./commons/record-claim.ts";
import { input } from "./commons/record-input.ts";
import { recordSafety } from "./commons/record-safety.ts";
import { defineStep, serve } from "./commons/step.ts";

export const step = defineStep({
  name: "record",
  input,
  async run(context, request) {
    const found = await findNamed(context, request);
    if (request.step === "restore-begun") return recordBegun(context, found, request);
    if (request.step === "approval-requested") return recordRequest(context, found, request);
    if (request.step === "approval-answered") return recordAnswer(context, found, request);
    if (request.step === "safety-backup") return recordSafety(context, found, request);
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
