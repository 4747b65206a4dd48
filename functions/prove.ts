/**
 * Proves a backup of one source: reads it back, or restores it into a throwaway server. Each source
 * has this function under a name and a role of its own. What it finds is recorded by `record`.
 */
import * as z from "zod";
import { findNamed } from "./commons/found-backup.ts";
import { handingOver } from "./commons/handed-over.ts";
import { backupId, execution, source } from "./commons/inputs.ts";
import { refuseOtherSource } from "./commons/own-source.ts";
import { readBack } from "./commons/read-back.ts";
import { defineStep, serve } from "./commons/step.ts";
import { testRestore } from "./commons/test-restore.ts";

export const step = defineStep({
  name: "prove",
  input: z.strictObject({ step: z.enum(["verify", "restore-test"]), source, backupId, execution }),
  async run(context, request) {
    refuseOtherSource(request.source, "proves backups of", "the `verify` or `restore-test` state machine");
    return handingOver(context, request.execution, async (handing) => {
      const found = await findNamed(handing, request);
      return request.step === "verify" ? readBack(handing, found) : testRestore(handing, found);
    });
  },
});

export const handler = serve(step);
