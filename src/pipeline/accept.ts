/**
 * A person's word that a suspicious backup is as it should be; recorded as evidence, with the
 * reason.
 */
import { HoldfastError } from "../errors/holdfast-error.ts";
import { appendEvidence, type Evidence } from "../vault/documents/evidence.ts";
import { recordAction } from "./audit/record-action.ts";
import type { FoundBackup } from "./catalogue/find-backups.ts";
import { beginEvidence } from "./catalogue/record-evidence.ts";
import { readAuthenticManifest } from "./opening/authentic-manifest.ts";
import type { PipelineContext } from "./pipeline-context.ts";

/**
 * Accepts a suspicious backup. Errors: UsageInvalid when it is not suspicious or no reason is
 * given, those of the vault.
 */
export async function acceptBackup(context: PipelineContext, found: FoundBackup, reason: string): Promise<void> {
  const { entry } = found;
  if (!entry.suspicious) {
    throw new HoldfastError("UsageInvalid", `backup ${entry.id} is not suspicious: there is nothing to accept`);
  }
  if (reason.trim() === "") {
    throw new HoldfastError("UsageInvalid", "accepting a suspicious backup needs a reason", {
      hint: "Say why it differs from the last ones, for those who read the evidence later.",
    });
  }
  const { sha256 } = await readAuthenticManifest(context, found.vault, entry.source, entry.id);
  const evidence: Evidence = {
    ...beginEvidence(context, entry),
    check: "accepted",
    manifestSha256: sha256,
    findings: [],
    reason,
  };
  await appendEvidence(found.vault, evidence, await context.signerOf(entry.source));
  const { source, id: backupId } = entry;
  await recordAction(context, found.vault, { action: "backup.accepted", source, backupId, reason });
}
