/** Decides where the next step runs, and which backup it is about. */
import * as z from "zod";
import { planBackup, planReading } from "../src/pipeline/plan-run.ts";
import { dumpFunctionName, dumpTaskFamily } from "./commons/dump-names.ts";
import { requireVariable } from "./commons/environment.ts";
import { backupId, kind, source } from "./commons/inputs.ts";
import { defineStep, serve } from "./commons/step.ts";

const input = z.discriminatedUnion("step", [
  z.strictObject({ step: z.literal("backup"), source, kind }),
  z.strictObject({ step: z.enum(["restore-test", "restore"]), source, backup: backupId }),
]);

export const step = defineStep({
  name: "plan",
  input,
  async run(context, request) {
    if (request.step !== "backup") return planReading(context, request);
    const prefix = requireVariable("HOLDFAST_RESOURCE_PREFIX");
    return {
      ...(await planBackup(context, request)),
      dumpFunction: dumpFunctionName(prefix, request.source),
      dumpTask: dumpTaskFamily(prefix, request.source),
    };
  },
});

export const handler = serve(step);
