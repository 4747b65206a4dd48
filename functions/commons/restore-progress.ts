/**
 * Notes how far a restore is, for the watch to tell (src/pipeline/notify/noted-progress.ts), and
 * tells what was noted.
 */
import { alertForOutcome } from "../../src/alerts/alert-for-outcome.ts";
import {
  type NotedProgress,
  noteProgress,
  type RunningRestore,
  tellNotedProgress,
} from "../../src/pipeline/notify/noted-progress.ts";
import { watchQuarters } from "../../src/pipeline/notify/tell-restore.ts";
import { gatherAlertContext } from "../../src/pipeline/notify.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { logger } from "./powertools.ts";
import { publishAlert } from "./publish-alert.ts";
import { withStateStore } from "./state-store.ts";

/**
 * Runs `work` in a context whose quarters are noted. A note that cannot be written is logged, and
 * holds nothing up. Errors: those of `work`.
 */
export async function notingProgress<T>(
  context: PipelineContext,
  about: RunningRestore,
  work: (context: PipelineContext) => Promise<T>,
): Promise<T> {
  const { run } = context;
  return withStateStore(run.clock, async (store) => {
    let noting: Promise<void> = Promise.resolve();
    const progress = watchQuarters(run.progress, (share) => {
      noting = noting
        .then(() => noteProgress(store, about, share, run))
        .catch((error: Error) => logger.warn("a quarter of the restore was not noted", { cause: error.message }));
    });
    try {
      return await work({ ...context, run: { ...run, progress } });
    } finally {
      await noting;
    }
  });
}

/**
 * Tells people of every restore that is under way. Errors: those of publishing and of the store.
 */
export async function tellProgress(context: PipelineContext, store: ObjectStore): Promise<number> {
  return tellNotedProgress(store, async (noted: NotedProgress) => {
    const { source, backupId, execution, percent } = noted;
    const finding = `restoring ${backupId} of ${source}: ${percent} % of its bytes are read`;
    const outcome = { name: "restore under way", backupIds: [backupId], findings: [finding] } as const;
    await publishAlert(context, alertForOutcome(outcome, await gatherAlertContext(context, { source, run: execution })));
  });
}
