/** Deletes what retention releases. The only function whose role may delete. */
import * as z from "zod";
import { pruneSource } from "../src/pipeline/prune.ts";
import { source } from "./commons/inputs.ts";
import { logger } from "./commons/powertools.ts";
import { defineStep, serve } from "./commons/step.ts";

export const step = defineStep({
  name: "prune",
  input: z.strictObject({ source }),
  async run(context, request) {
    const pruned = await pruneSource(context, request.source);
    for (const id of pruned.deleted) logger.info("retention released a backup", { source: pruned.source, backupId: id });
    return {
      source: pruned.source,
      deleted: pruned.deleted.length,
      kept: pruned.plan.decisions.length - pruned.deleted.length,
      sweptObjects: pruned.sweptObjects,
    };
  },
});

export const handler = serve(step);
