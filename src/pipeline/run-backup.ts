/**
 * The order of a backup on one machine: dump, verify, prune. In the cloud the `backup` state
 * machine holds the same order.
 */
import { type HoldfastError, toHoldfastError } from "../errors/holdfast-error.ts";
import type { BackupKind } from "../policy/policy.ts";
import { findBackup } from "../vault/find-backup.ts";
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
  readonly verification?: VerifyResult | undefined;
  readonly prune?: PruneResult | undefined;
  /**
   * What could not be done after the dump, a refusal to prune included; the backup itself stands.
   */
  readonly failure?: { readonly step: "verify" | "prune"; readonly error: HoldfastError } | undefined;
}

/**
 * Backs a source up, reads the backup back, and prunes only when that went well.
 * Errors: those of dumpSource, and Interrupted. A damaged or suspicious backup is a result; so is
 * whatever fails once the backup stands.
 */
export async function runBackup(context: PipelineContext, options: BackupRunOptions): Promise<BackupRunResult> {
  const dump = await dumpSource(context, { source: options.source, kind: options.kind });
  if (!options.verify) return { dump };
  const verified = await attempt(context, dump, "verify", () => verifyNewest(context, dump));
  if ("failure" in verified) return { dump, ...verified };
  const verification = verified.result;
  if (verification.unrecorded !== undefined) {
    return { dump, verification, failure: { step: "verify", error: verification.unrecorded } };
  }
  // A suspicious one goes on to prune, which refuses and says so; a damaged one must not release
  // anything.
  // Logs come every minute, and a prune lists everything: it goes with the other kinds.
  if (!options.prune || options.kind === "log" || verification.outcome === "damaged") return { dump, verification };
  const pruned = await attempt(context, dump, "prune", () => pruneSource(context, options.source));
  return "failure" in pruned ? { dump, verification, ...pruned } : { dump, verification, prune: pruned.result };
}

async function verifyNewest(context: PipelineContext, { source, backupId }: DumpResult): Promise<VerifyResult> {
  const vault = await context.vaultOf(requireSource(context.policy, source).vault);
  const entry = await findBackup(vault, `${source}/${backupId}`, context.run.clock.now());
  return verifyBackup(context, { entry, vault });
}

/** Runs a step that comes after the commit: its failure must not hide that there is a backup. */
async function attempt<T>(
  { run }: PipelineContext,
  { backupId }: DumpResult,
  step: "verify" | "prune",
  work: () => Promise<T>,
): Promise<{ readonly result: T } | Required<Pick<BackupRunResult, "failure">>> {
  try {
    return { result: await work() };
  } catch (thrown) {
    const error = toHoldfastError(thrown);
    if (error.name !== "Interrupted") return { failure: { step, error } };
    run.log.warn(`backup ${backupId} was committed before the interruption, and stands`);
    throw error;
  }
}
