/** The steps of legal holds: put on a backup, taken off it, and listed over every vault. */
import { HoldfastError, isHoldfastError, toHoldfastError } from "../errors/holdfast-error.ts";
import { needsApproval } from "../policy/approvals.ts";
import type { BackupEntry } from "../vault/catalogue.ts";
import type { ApprovalSubject } from "../vault/documents/approval.ts";
import { addHold, type Hold, isHeld, listHolds, removeHold, type UnreadableHold } from "../vault/documents/holds.ts";
import { type GivenApproval, requireApproval } from "./approvals/require-approval.ts";
import { type Asking, type Sought, seekApproval } from "./approvals/seek-approval.ts";
import { identityOf, recordAction } from "./audit/record-action.ts";
import { findInVaults, vaultsFor, vaultsOf } from "./catalogue/find-backups.ts";
import type { PipelineContext } from "./pipeline-context.ts";

/**
 * Holds a backup, under the name of who runs this. Errors: UsageInvalid without a reason,
 * BackupNotFound, those of signing and of the store.
 */
export async function holdBackup(context: PipelineContext, reference: string, reason: string): Promise<Hold> {
  if (reason.trim() === "") {
    throw new HoldfastError("UsageInvalid", "a hold needs a reason", {
      hint: 'Say why, for those who find it years later: --reason "case 2026-114".',
    });
  }
  const { entry, vault } = await findInVaults(context, reference);
  const hold: Hold = {
    formatVersion: 2,
    source: entry.source,
    backupId: entry.id,
    by: identityOf(context.run),
    reason,
    at: context.run.clock.now().toISOString(),
  };
  await addHold(vault, hold, await context.signerOf(entry.source));
  await recordAction(context, vault, { action: "hold.added", source: entry.source, backupId: entry.id, reason });
  return hold;
}

/** The approval of a release, or the request for it; undefined where the policy wants none. */
export async function seekRelease(
  context: PipelineContext,
  reference: string,
  asking: Pick<Asking, "reason" | "requestId">,
): Promise<Sought | undefined> {
  if (!needsApproval(context.policy, "release-hold")) return undefined;
  const { entry, vault } = await findInVaults(context, reference);
  const loses: string[] = [];
  for await (const hold of listHolds(vault, entry.source)) {
    if (hold.backupId !== entry.id) continue;
    loses.push(
      "problem" in hold ? `a hold that cannot be read: ${hold.problem}` : `the hold of ${hold.by} since ${hold.at}: ${hold.reason}`,
    );
  }
  return seekApproval(context, vault, {
    ...asking,
    subject: describeRelease(entry),
    loses: [...loses, "then retention decides about the backup"],
  });
}

const describeRelease = ({ source, id }: BackupEntry): ApprovalSubject => ({
  action: "release-hold",
  source,
  backupId: id,
  options: {},
});

/**
 * Removes a backup's holds. What the audit trail does not say is not done: without a hold, the
 * backup may be gone before anyone asks. Errors: BackupNotFound, ApprovalNeeded, ApprovalRefused,
 * those of the store.
 */
export async function releaseHold(
  context: PipelineContext,
  reference: string,
  approval?: GivenApproval,
): Promise<{ readonly source: string; readonly backupId: string }> {
  const { entry, vault } = await findInVaults(context, reference);
  const { source, id: backupId } = entry;
  await requireApproval(context, describeRelease(entry), approval);
  if (await isHeld(vault, source, backupId)) await recordAction(context, vault, { action: "hold.released", source, backupId });
  await removeHold(vault, source, backupId);
  return { source, backupId };
}

/**
 * The holds in every vault, or of one source. A vault that was never written to has none; why
 * another could not be read is given beside them. Errors: the first of those where none could be
 * read, Interrupted.
 */
export async function listHeld(
  context: PipelineContext,
  source: string | undefined,
): Promise<{ readonly holds: readonly (Hold | UnreadableHold)[]; readonly unread: readonly HoldfastError[] }> {
  const vaults = source === undefined ? vaultsOf(context.policy) : vaultsFor(context.policy, source);
  const holds: (Hold | UnreadableHold)[] = [];
  const unread: HoldfastError[] = [];
  for (const vault of vaults) {
    try {
      for await (const hold of listHolds(await context.vaultOf(vault), source)) holds.push(hold);
    } catch (error) {
      context.run.signal.throwIfAborted();
      if (!isHoldfastError(error, "VaultNotFound")) unread.push(toHoldfastError(error));
    }
  }
  if (unread[0] !== undefined && unread.length === vaults.length) throw unread[0];
  return { holds, unread };
}
