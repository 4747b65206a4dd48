/** Asks a second person for an overwrite, with all that they need to decide. */
import type { RestorePlan } from "../../engines/engine.ts";
import { requirePassed } from "../../engines/preflight.ts";
import { needsApproval } from "../../policy/approvals.ts";
import { safetySeriesOf } from "../../policy/safety-series.ts";
import { type Asking, type Sought, seekApproval } from "../approvals/seek-approval.ts";
import type { FoundBackup } from "../catalogue/find-backups.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { planRestore } from "../restore.ts";
import { describeOverwrite } from "./guard-overwrite.ts";
import { type RestoreOptions, requestOf } from "./restore-options.ts";

/**
 * Finds the approval of an overwrite, or asks for it; undefined where nobody has to approve.
 * Errors: RestoreRefused (a check of the target failed), those of seekApproval and of planRestore.
 */
export async function seekOverwrite(
  context: PipelineContext,
  found: FoundBackup,
  options: RestoreOptions,
  asking: Pick<Asking, "reason" | "requestId">,
): Promise<Sought | undefined> {
  if (!requestOf(options).overwrite || !needsApproval(context.policy, "overwrite")) return undefined;
  const plan = await planRestore(context, found, options);
  requirePassed(plan.checks, plan.target);
  if (!plan.occupied) return undefined;
  const loses = describeLoss(found, options, plan);
  return seekApproval(context, found.vault, { ...asking, subject: describeOverwrite(found, options, plan), loses });
}

function describeLoss({ entry }: FoundBackup, { safetyBackup }: RestoreOptions, { target, standing }: RestorePlan): string[] {
  return [
    `what stands at ${target} is replaced by ${entry.id} (${entry.state}), and kept under another name`,
    ...(standing?.facts ?? []),
    safetyBackup === false
      ? "it is not backed up first (--no-safety-backup)"
      : `it is backed up first, as a backup of ${safetySeriesOf(entry.source)} that is held`,
  ];
}
