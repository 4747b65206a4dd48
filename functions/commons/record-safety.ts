/**
 * Signs what `safeguard` found of a safety backup, and holds it until a person releases the hold.
 */
import { isHoldfastError } from "../../src/errors/holdfast-error.ts";
import type { FoundBackup } from "../../src/pipeline/catalogue/find-backups.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { holdSafetyBackup } from "../../src/pipeline/restore/safety-backup.ts";
import { findNamed } from "./found-backup.ts";
import { recordFindings } from "./record-claim.ts";

/** `found`: what is restored. Errors: those of recordFindings and of holding. */
export async function recordSafety(
  context: PipelineContext,
  { entry }: FoundBackup,
  {
    safety,
    execution,
    to,
  }: { readonly safety: { readonly source: string; readonly backupId: string }; readonly execution: string; readonly to: string },
) {
  const taken = await findNamed(context, safety);
  const recorded = await recordFindings(context, taken, { step: "verify", execution, ...safety });
  try {
    await holdSafetyBackup(context, safety, { target: to, source: entry.source, backupId: entry.id });
  } catch (error) {
    // A try before this one has held it.
    if (!isHoldfastError(error, "HoldActive")) throw error;
  }
  return { source: entry.source, backupId: entry.id, recorded };
}
