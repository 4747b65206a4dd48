/**
 * Writes down what a check found; a vault that takes no writes must not hide the finding from
 * by whom it was asked for.
 */
import { type HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import { appendEvidence, type Evidence } from "../../vault/documents/evidence.ts";
import { formatVersion } from "../../vault/documents/format-version.ts";
import type { Vault } from "../../vault/vault.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { noteEvidence } from "./source-history.ts";

/**
 * What every piece of evidence says: of which backup it is, and when, where and by what it was
 * made.
 */
export function beginEvidence(
  { run, holdfastVersion }: PipelineContext,
  { source, id }: { readonly source: string; readonly id: string },
): Pick<Evidence, "formatVersion" | "source" | "backupId" | "at" | "holdfastVersion" | "by"> {
  return { formatVersion, source, backupId: id, at: run.clock.now().toISOString(), holdfastVersion, by: run.identity };
}

/**
 * Appends the evidence, or hands it over where this run may not record; resolves with the store's
 * error where that could not be done, after it was logged: the finding then holds for this run, and
 * the backup's state stays what it was. Errors: Interrupted, Internal.
 */
export async function recordEvidence(
  context: PipelineContext,
  vault: Vault,
  evidence: Evidence,
): Promise<HoldfastError | undefined> {
  try {
    if (context.handOver === undefined) {
      const signer = await context.signerOf(evidence.source);
      await noteEvidence(context, vault, evidence, await appendEvidence(vault, evidence, signer));
    } else await context.handOver(evidence);
    return undefined;
  } catch (error) {
    if (!isHoldfastError(error) || error.name === "Interrupted" || error.name === "Internal") throw error;
    context.run.log.warn("what was found could not be recorded in the vault", {
      backup: evidence.backupId,
      check: evidence.check,
      cause: error.message,
    });
    return error;
  }
}
