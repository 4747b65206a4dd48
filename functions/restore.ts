/**
 * Restores a backup. It replaces what stands at a target only by an approval that is in the audit
 * trail, for exactly this, and used by this execution; and after a safety backup.
 */
import * as z from "zod";
import { restoreBackup } from "../src/pipeline/restore.ts";
import { stackTargetPattern, stackTargetProblem } from "../src/policy/stack-target.ts";
import { findNamed } from "./commons/found-backup.ts";
import { approvedIn, withSecondPerson } from "./commons/guarded-restore.ts";
import { handingOver } from "./commons/handed-over.ts";
import { backupId, execution, source } from "./commons/inputs.ts";
import { lookAtTarget } from "./commons/preflight.ts";
import { optionsShape, restoreOptionsOf } from "./commons/restore-options.ts";
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
    /** The request that was approved and is used. */
    approval: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
    /** What stands at the target, as `safeguard` backed it up. */
    safetyBackup: z.strictObject({ source, backupId }).optional(),
  }),
  async run(given, request) {
    const context = withSecondPerson(given);
    const options = restoreOptionsOf(context.policy, request);
    if (request.only === "preflight") return lookAtTarget(context, await findNamed(context, request), options);
    const restored = await notingProgress(context, request, (noting) =>
      handingOver(noting, request.execution, async (handing) => {
        const found = await findNamed(handing, request);
        const approval = approvedIn(context, found.vault, request);
        return restoreBackup(handing, found, { ...options, approval, safetyTaken: request.safetyBackup });
      }),
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
