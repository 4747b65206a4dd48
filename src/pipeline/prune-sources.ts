/** Prunes several sources: one that is refused or fails keeps no other from being pruned. */
import { type HoldfastError, isHoldfastError } from "../errors/holdfast-error.ts";
import type { RetentionPlan } from "../retention/plan-retention.ts";
import type { PipelineContext } from "./pipeline-context.ts";
import { type PruneResult, planPrune, pruneSource } from "./prune.ts";

export interface PrunedSource {
  readonly source: string;
  /** As it was carried out, or, of a dry run, as it would be. */
  readonly plan?: RetentionPlan | undefined;
  /** Absent on a dry run. */
  readonly result?: PruneResult | undefined;
  readonly error?: HoldfastError | undefined;
}

/**
 * Prunes one source, or each of the policy; a dry run plans only. Errors of one source by itself:
 * those of pruneSource; of several, each is part of its own result, and only Interrupted is thrown.
 */
export async function pruneSources(
  context: PipelineContext,
  source: string | undefined,
  { dryRun }: { readonly dryRun: boolean },
): Promise<readonly PrunedSource[]> {
  if (source !== undefined) return [await pruneOne(context, source, dryRun)];
  const pruned: PrunedSource[] = [];
  for (const name of Object.keys(context.policy.sources)) {
    try {
      pruned.push(await pruneOne(context, name, dryRun));
    } catch (error) {
      if (!isHoldfastError(error) || error.name === "Interrupted") throw error;
      pruned.push({ source: name, error });
    }
  }
  return pruned;
}

async function pruneOne(context: PipelineContext, source: string, dryRun: boolean): Promise<PrunedSource> {
  if (dryRun) return { source, plan: await planPrune(context, source) };
  const result = await pruneSource(context, source);
  return { source, plan: result.plan, result };
}
