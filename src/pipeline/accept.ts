/**
 * A person's word that a suspicious backup is as it should be; recorded as evidence, with the
 * reason.
 */
import { HoldfastError } from "../errors/holdfast-error.ts";
import type { BackupEntry } from "../vault/catalogue.ts";
import type { ApprovalSubject } from "../vault/documents/approval.ts";
import { appendEvidence, type Evidence } from "../vault/documents/evidence.ts";
import { type GivenApproval, requireApproval, seekIfNeeded } from "./approvals/require-approval.ts";
import type { Asking, Sought } from "./approvals/seek-approval.ts";
import { recordAction } from "./audit/record-action.ts";
import type { FoundBackup } from "./catalogue/find-backups.ts";
import { beginEvidence } from "./catalogue/record-evidence.ts";
import { readAuthenticManifest } from "./opening/authentic-manifest.ts";
import type { PipelineContext } from "./pipeline-context.ts";

/**
 * Accepts a suspicious backup. Errors: UsageInvalid when it is not suspicious or no reason is
 * given, ApprovalNeeded, ApprovalRefused, those of the vault.
 */
export async function acceptBackup(
  context: PipelineContext,
  found: FoundBackup,
  reason: string,
  approval?: GivenApproval,
): Promise<void> {
  const { entry } = found;
  if (!entry.suspicious) {
    throw new HoldfastError("UsageInvalid", `backup ${entry.id} is not suspicious: there is nothing to accept`);
  }
  if (reason.trim() === "") {
    throw new HoldfastError("UsageInvalid", "accepting a suspicious backup needs a reason", {
      hint: "Say why it differs from the last ones, for those who read the evidence later.",
    });
  }
  await requireApproval(context, describeAcceptance(entry), approval);
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

/** The approval of that, or the request for it; undefined where the policy wants none. */
export async function seekAcceptance(
  context: PipelineContext,
  { entry, vault }: FoundBackup,
  asking: Pick<Asking, "reason" | "requestId">,
): Promise<Sought | undefined> {
  const loses = [
    `${entry.id} (${entry.state}, suspicious) counts as good from then on: prunes go on, and may delete what was there before it`,
  ];
  return seekIfNeeded(context, vault, { ...asking, subject: describeAcceptance(entry), loses });
}

const describeAcceptance = ({ source, id }: BackupEntry): ApprovalSubject => ({
  action: "accept-suspicious",
  source,
  backupId: id,
  options: {},
});
