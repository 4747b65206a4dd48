/** Deletes what retention releases. The only function whose role may delete. */
import * as z from "zod";
import { maxEventBackups } from "../src/alerts/event.ts";
import { findVault, type PipelineContext, requireSource } from "../src/pipeline/pipeline-context.ts";
import { type PruneResult, pruneSource } from "../src/pipeline/prune.ts";
import { announce } from "./commons/announce.ts";
import { source } from "./commons/inputs.ts";
import { logger } from "./commons/powertools.ts";
import { defineStep, serve } from "./commons/step.ts";

export const step = defineStep({
  name: "prune",
  input: z.strictObject({ source }),
  async run(context, request) {
    // The account that owns a vault prunes every day, before the first backup too. A vault that
    // lost its holdfast.json, or keeps an older version of it, is another matter: VaultDamaged.
    if ((await findVault(context, requireSource(context.policy, request.source).vault)) === undefined) {
      logger.info("nothing was ever written to the vault", { source: request.source });
      return { source: request.source, deleted: 0, kept: 0, sweptObjects: 0 };
    }
    const pruned = await pruneAndAnnounce(context, request.source);
    for (const id of pruned.deleted) logger.info("retention released a backup", { source: pruned.source, backupId: id });
    return {
      source: pruned.source,
      deleted: pruned.deleted.length,
      kept: pruned.plan.decisions.length - pruned.deleted.length,
      sweptObjects: pruned.sweptObjects,
    };
  },
});

/** What a run that met its deadline has deleted is said as well; the next says the rest. */
async function pruneAndAnnounce(context: PipelineContext, name: string): Promise<PruneResult> {
  const backupIds: string[] = [];
  try {
    return await pruneSource(context, name, (id) => backupIds.push(id));
  } finally {
    if (backupIds.length > 0) await announce(context, "retention.pruned", released(name, backupIds));
  }
}

const released = (name: string, backupIds: readonly string[]) => ({
  source: name,
  backupIds: backupIds.slice(0, maxEventBackups),
  count: backupIds.length,
});

export const handler = serve(step);
