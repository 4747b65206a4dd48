/** Tells people of an execution, and says on the bus what it came to. */
import type { Alert } from "../../src/alerts/alert.ts";
import type { ExecutionReport } from "../../src/alerts/alert-for-execution.ts";
import { eventError, failureOf } from "../../src/alerts/event.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { isBackupId } from "../../src/vault/layout.ts";
import { announce } from "./announce.ts";
import { publishAlert } from "./publish-alert.ts";

/**
 * People first; programs are told all the same when that fails. `report`: undefined, where nobody
 * knows what the alert is about. Errors: those of publishAlert.
 */
export async function publishAndAnnounce(
  context: PipelineContext,
  alert: Alert,
  report: ExecutionReport | undefined,
): Promise<{ readonly sent: number }> {
  try {
    return await publishAlert(context, alert);
  } finally {
    if (report !== undefined) await announceReport(context, report);
  }
}

/** A failure, or a restore that is done. Never throws. */
async function announceReport(context: PipelineContext, report: ExecutionReport): Promise<void> {
  const { execution, error, machine } = report;
  const about = aboutOf(context, report);
  if (error === "RtoMissed" || error === "RestoreStarted") return;
  if (error === "RestoreDone") {
    const { source, backupId } = about;
    if (source !== undefined && backupId !== undefined)
      await announce(context, "restore.finished", { source, backupId, execution });
    return;
  }
  const type = failureOf(machine);
  if (type !== undefined) await announce(context, type, { ...about, execution, error: eventError(error) });
}

/** Names that the policy has, and ids; whatever else an execution's input says stays there. */
function aboutOf({ policy }: PipelineContext, { source, backupId }: ExecutionReport): { source?: string; backupId?: string } {
  if (source === undefined || !Object.hasOwn(policy.sources, source)) return {};
  return { source, ...(backupId !== undefined && isBackupId(backupId) ? { backupId } : {}) };
}
