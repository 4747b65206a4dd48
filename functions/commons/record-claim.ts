/** What the function `record` writes: evidence, the event of it, and what became of restores. */
import { tryToRecord } from "../../src/pipeline/audit/record-action.ts";
import type { FoundBackup } from "../../src/pipeline/catalogue/find-backups.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { type HandingStep, recordHandedOver } from "../../src/pipeline/record-handed-over.ts";
import { announce } from "./announce.ts";

/** Records a claim as evidence, and announces it. Errors: those of recordHandedOver. */
export async function recordClaim(
  context: PipelineContext,
  found: FoundBackup,
  { step, execution }: { readonly step: HandingStep; readonly execution: string },
  claim: unknown,
): Promise<void> {
  const { source, id: backupId } = found.entry;
  const { check, at } = await recordHandedOver(context, found, step, claim);
  // A restore that is done is announced with its news (announce-report.ts).
  if (check === "accepted" || check === "restored") return;
  await announce(context, `backup.${check}`, { source, backupId, execution, checkedAt: at });
}

/**
 * Writes into the audit trail what became of a restore, which runs code of the backup and cannot
 * sign. A trail that cannot be written is warned of.
 */
export async function recordRestored(
  context: PipelineContext,
  { vault, entry: { source, id: backupId } }: FoundBackup,
  asked: { readonly execution: string; readonly requestedBy?: string | undefined; readonly error?: string | undefined },
): Promise<void> {
  const { execution, requestedBy, error } = asked;
  const details = {
    execution,
    ...(requestedBy === undefined || requestedBy === "" ? {} : { requestedBy }),
    ...(error === undefined || error === "" ? {} : { error }),
  };
  const action = error === undefined ? "restore.done" : "restore.failed";
  await tryToRecord(context, vault, { action, source, backupId, details });
}
