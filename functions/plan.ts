/**
 * Decides where the next step runs, by which function or role of its source, and which backup it is
 * about.
 */
import * as z from "zod";
import { planBackup, planReading } from "../src/pipeline/plan-run.ts";
import { readOwnNames } from "./commons/environment.ts";
import { backupId, kind, source } from "./commons/inputs.ts";
import { dumpNames, proveNames } from "./commons/source-names.ts";
import { defineStep, serve } from "./commons/step.ts";

const input = z.discriminatedUnion("step", [
  z.strictObject({ step: z.literal("backup"), source, kind }),
  z.strictObject({ step: z.enum(["restore-test", "restore"]), source, backup: backupId }),
]);

export const step = defineStep({
  name: "plan",
  input,
  async run(context, request) {
    const names = readOwnNames();
    const prove = proveNames(names, request.source);
    if (request.step === "backup")
      return { ...(await planBackup(context, request)), ...dumpNames(names, request.source), ...prove };
    const plan = await planReading(context, request);
    return request.step === "restore" ? plan : { ...plan, ...prove };
  },
});

export const handler = serve(step);
