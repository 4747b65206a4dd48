/** Restores a backup to a new place. Overwriting is not for sale here: the input has no word for it. */
import * as z from "zod";
import { restoreBackup } from "../src/pipeline/restore.ts";
import { findNamed } from "./commons/found-backup.ts";
import { backupId, source } from "./commons/inputs.ts";
import { defineStep, serve } from "./commons/step.ts";

export const step = defineStep({
  name: "restore",
  input: z.strictObject({
    source,
    backupId,
    // As after `holdfast restore --to`, without a password in it: this text stays in the execution's history.
    to: z
      .string()
      .min(1)
      .max(500)
      .regex(/^(?!.*:\/\/[^/@]*:[^/@]*@)/, "must not hold a password: name a secret or a service instead"),
  }),
  async run(context, request) {
    const options = { to: request.to, overwrite: false, allowDamaged: false };
    const restored = await restoreBackup(context, await findNamed(context, request), options);
    return {
      source: restored.source,
      backupId: restored.backupId,
      target: restored.target,
      objects: restored.comparison.objectsCompared,
      rows: restored.comparison.rowsCompared,
      loadMs: Math.round(restored.timings["load"] ?? 0),
    };
  },
});

export const handler = serve(step);
