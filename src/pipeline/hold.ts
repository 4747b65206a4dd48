/** The steps of legal holds: put on a backup, taken off it, and listed over every vault. */
import { HoldfastError, isHoldfastError, toHoldfastError } from "../errors/holdfast-error.ts";
import { addHold, type Hold, isHeld, listHolds, removeHold, type UnreadableHold } from "../vault/documents/holds.ts";
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

/**
 * Removes a backup's holds. What the audit trail does not say is not done: without a hold, the
 * backup may be gone before anyone asks. Errors: BackupNotFound, those of the store.
 */
export async function releaseHold(
  context: PipelineContext,
  reference: string,
): Promise<{ readonly source: string; readonly backupId: string }> {
  const { entry, vault } = await findInVaults(context, reference);
  const { source, id: backupId } = entry;
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
