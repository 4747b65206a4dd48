/**
 * Restores a backup to a new target. It cannot overwrite: its input has no word for that.
 */
import * as z from "zod";
import { restoreBackup } from "../src/pipeline/restore.ts";
import { stackTargetPattern, stackTargetProblem } from "../src/policy/stack-target.ts";
import { findNamed } from "./commons/found-backup.ts";
import { handingOver } from "./commons/handed-over.ts";
import { backupId, execution, source } from "./commons/inputs.ts";
import { lookAtTarget } from "./commons/preflight.ts";
import { optionsShape, readOptions, targetOf } from "./commons/restore-options.ts";
import { notingProgress } from "./commons/restore-progress.ts";
import { defineStep, serve } from "./commons/step.ts";

export const step = defineStep({
  name: "restore",
  input: z.strictObject({
    source,
    backupId,
    execution,
    // This text stays in the execution's history, and anyone who may start one chooses it.
    to: z.string().regex(stackTargetPattern, stackTargetProblem),
    options: optionsShape,
    /** Looks at the target, and touches nothing. */
    only: z.literal("preflight").optional(),
  }),
  async run(context, request) {
    const options = {
      to: targetOf(context.policy, request.to),
      overwrite: false,
      allowDamaged: false,
      ...readOptions(request.options),
    };
    if (request.only === "preflight") return lookAtTarget(context, await findNamed(context, request), options);
    const restored = await notingProgress(context, request, (noting) =>
      handingOver(noting, request.execution, async (handing) => restoreBackup(handing, await findNamed(handing, request), options)),
    );
    return {
      source: restored.source,
      backupId: restored.backupId,
      target: restored.target,
      objects: restored.comparison.objectsCompared,
      rows: restored.comparison.rowsCompared,
      ...(restored.selection === undefined ? {} : { selection: restored.selection }),
      assertionsFailed: restored.assertions.filter(({ passed }) => !passed).length,
      loadMs: Math.round(restored.timings["load"] ?? 0),
    };
  },
});

export const handler = serve(step);
