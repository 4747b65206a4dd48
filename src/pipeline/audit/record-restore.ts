/**
 * A restore in the audit trail: that it began, and how it ended. It is never given up because the
 * trail cannot be written: the vault may be read-only on the worst day.
 */
import { toHoldfastError } from "../../errors/holdfast-error.ts";
import type { FoundBackup } from "../catalogue/find-backups.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { tryToRecord } from "./record-action.ts";

/** What the trail says of how a restore was asked for. */
export interface AskedRestore {
  readonly to: string;
  readonly overwrite: boolean;
  readonly allowDamaged: boolean;
}

/** Runs `work`, with an entry before it and one after it. Errors: those of `work`. */
export async function recordingRestore<R extends { readonly intact: boolean }>(
  context: PipelineContext,
  { vault, entry: { source, id: backupId } }: FoundBackup,
  { to, overwrite, allowDamaged }: AskedRestore,
  work: () => Promise<R>,
): Promise<R> {
  // A connection string may name its password.
  const shownTarget = /:\/\/|=/.test(to) ? "a connection (not repeated here)" : to;
  const details = { to: shownTarget, ...(overwrite ? { overwrite: "yes" } : {}), ...(allowDamaged ? { allowDamaged: "yes" } : {}) };
  await tryToRecord(context, vault, { action: "restore.begun", source, backupId, details });
  try {
    const result = await work();
    await tryToRecord(context, vault, {
      action: "restore.done",
      source,
      backupId,
      details: { ...details, content: result.intact ? "equal to the backup's" : "salvaged, not all of it" },
    });
    return result;
  } catch (error) {
    // The class alone: messages of others may hold anything.
    await tryToRecord(context, vault, {
      action: "restore.failed",
      source,
      backupId,
      details: { ...details, error: toHoldfastError(error).name },
    });
    throw error;
  }
}
