/**
 * Backs up what stands at a restore's target before it is replaced, and reads that back. It opens
 * no other backup, and replaces nothing; `record` signs what it found, and holds the backup.
 */
import * as z from "zod";
import { requireSource } from "../src/pipeline/pipeline-context.ts";
import { requestOf } from "../src/pipeline/restore/restore-options.ts";
import { makeSafetyBackup } from "../src/pipeline/restore/safety-backup.ts";
import { stackTargetPattern, stackTargetProblem } from "../src/policy/stack-target.ts";
import { handingOver } from "./commons/handed-over.ts";
import { execution, source } from "./commons/inputs.ts";
import { optionsShape, restoreOptionsOf } from "./commons/restore-options.ts";
import { defineStep, serve } from "./commons/step.ts";

export const step = defineStep({
  name: "safeguard",
  input: z.strictObject({
    source,
    execution,
    to: z.string().regex(stackTargetPattern, stackTargetProblem),
    options: optionsShape,
  }),
  async run(context, request) {
    const { name, engine } = requireSource(context.policy, request.source);
    const asked = requestOf(restoreOptionsOf(context.policy, request));
    const opened = await context.engineOf(engine);
    return handingOver(context, request.execution, (handing) => makeSafetyBackup(handing, opened, name, asked));
  },
});

export const handler = serve(step);
