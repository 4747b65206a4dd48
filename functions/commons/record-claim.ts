/** What the function `record` writes: evidence, the event of it, and what became of restores. */
import { tryToRecord } from "../../src/pipeline/audit/record-action.ts";
import type { FoundBackup } from "../../src/pipeline/catalogue/find-backups.ts";
import { whileReading } from "../../src/pipeline/catalogue/with-read-mark.ts";
import { forgetProgress } from "../../src/pipeline/notify/noted-progress.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { type HandingStep, recordHandedOver } from "../../src/pipeline/record-handed-over.ts";
import { announce } from "./announce.ts";
import { type HandedStep, takeOver } from "./handed-over.ts";
import { withStateStore } from "./state-store.ts";

/**
 * Records all that a step handed over. Resolves with how many findings that were. Errors: those of
 * takeOver and of recordClaim.
 */
export async function recordFindings(
  context: PipelineContext,
  found: FoundBackup,
  step: HandedStep & { readonly step: HandingStep },
): Promise<number> {
  return withStateStore(context.run.clock, (store) =>
    // The mark keeps a prune from deleting the backup while its evidence is written.
    whileReading(context, found, "record", () => takeOver(store, step, (claim) => recordClaim(context, found, step, claim))),
  );
}

/** Records a claim as evidence, and announces it. Errors: those of recordHandedOver. */
async function recordClaim(
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
 * Writes into the audit trail that a restore begins. A trail that cannot be written is warned of:
 * on the worst day the vault may be read-only.
 */
export async function recordBegun(
  context: PipelineContext,
  { vault, entry: { source, id: backupId } }: FoundBackup,
  { execution, requestedBy, to, request }: AskedRestore & { readonly to: string; readonly request: string },
) {
  // By an approved request, something is replaced.
  const details = { to, execution, ...requester(requestedBy), ...(request === "" ? {} : { overwrite: "yes", request }) };
  await tryToRecord(context, vault, { action: "restore.begun", source, backupId, details });
  return { source, backupId, recorded: 0 };
}

/** A restore as its state machine knows it. */
interface AskedRestore {
  readonly execution: string;
  /** By their own word. */
  readonly requestedBy?: string | undefined;
}

const requester = (name: string | undefined) => (name === undefined || name.trim() === "" ? {} : { requestedBy: name });

/**
 * Writes into the audit trail what became of a restore, which runs code of the backup and cannot
 * sign. A trail that cannot be written is warned of.
 */
export async function recordRestored(
  context: PipelineContext,
  { vault, entry: { source, id: backupId } }: FoundBackup,
  { execution, requestedBy, error }: AskedRestore & { readonly error?: string | undefined },
): Promise<void> {
  const details = {
    execution,
    ...requester(requestedBy),
    ...(error === undefined || error === "" ? {} : { error }),
  };
  const action = error === undefined ? "restore.done" : "restore.failed";
  await tryToRecord(context, vault, { action, source, backupId, details });
  // It is over: how far it was is no news.
  await withStateStore(context.run.clock, (store) => forgetProgress(store, { source, backupId, execution }));
}
