/** The order of a backup on one machine: dump, verify, prune. In the cloud the `backup` state machine holds the same order. */
import { isHoldfastError } from "../errors/holdfast-error.ts";
import type { BackupKind } from "../policy/policy.ts";
import { findBackup } from "../vault/catalogue.ts";
import { type DumpResult, dumpSource } from "./dump.ts";
import { type PipelineContext, requireSource } from "./pipeline-context.ts";
import { type PruneResult, pruneSource } from "./prune.ts";
import { type VerifyResult, verifyBackup } from "./verify.ts";

export interface BackupRunOptions {
  readonly source: string;
  readonly kind: BackupKind;
  readonly verify: boolean;
  readonly prune: boolean;
}

export interface BackupRunResult {
  readonly dump: DumpResult;
  readonly verification?: VerifyResult;
  readonly prune?: PruneResult;
  /** Why nothing was pruned; the backup itself stands. */
  readonly pruneRefusal?: { readonly message: string; readonly hint: string; readonly details: readonly string[] };
}

/**
 * Backs a source up, reads the backup back, and prunes only when that went well.
 * Errors: those of the steps. A damaged or suspicious backup is a result; so is a refusal to prune.
 */
export async function runBackup(context: PipelineContext, options: BackupRunOptions): Promise<BackupRunResult> {
  const dump = await dumpSource(context, { source: options.source, kind: options.kind });
  if (!options.verify) return { dump };
  const vaultName = requireSource(context.policy, options.source).vault;
  const store = await context.storeOf(vaultName);
  const entry = await findBackup(store, dump.backupId);
  const verification = await verifyBackup(context, { entry, store, vaultName });
  // A suspicious one goes on to prune, which refuses and says so; a damaged one must not release anything.
  if (!options.prune || verification.outcome === "damaged") return { dump, verification };
  try {
    return { dump, verification, prune: await pruneSource(context, options.source) };
  } catch (error) {
    if (!isHoldfastError(error, "PruneRefused")) throw error;
    return { dump, verification, pruneRefusal: { message: error.message, hint: error.hint, details: error.details } };
  }
}
