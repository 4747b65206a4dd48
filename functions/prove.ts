/**
 * Proves a backup of one source: reads it back, or restores it into a throwaway server. Each source
 * has this function under a name and a role of its own.
 */
import * as z from "zod";
import { findNamed } from "./commons/found-backup.ts";
import { backupId, source } from "./commons/inputs.ts";
import { refuseOtherSource } from "./commons/own-source.ts";
import { readBack } from "./commons/read-back.ts";
import { defineStep, serve } from "./commons/step.ts";
import { testRestore } from "./commons/test-restore.ts";

export const step = defineStep({
  name: "prove",
  input: z.strictObject({ step: z.enum(["verify", "restore-test"]), source, backupId }),
  async run(context, request) {
    refuseOtherSource(request.source, "proves backups of", "the `verify` or `restore-test` state machine");
    const found = await findNamed(context, request);
    return request.step === "verify" ? readBack(context, found) : testRestore(context, found);
  },
});

export const handler = serve(step);
