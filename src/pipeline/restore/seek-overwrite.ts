/** Asks a second person for an overwrite, with all that they need to decide. */

import { requirePassed } from "../../engines/preflight.ts";
import type { RestorePlan } from "../../engines/restore-request.ts";
import { needsApproval } from "../../policy/approvals.ts";
import { safetySeriesOf } from "../../policy/safety-series.ts";
import { type Asking, type Sought, seekApproval } from "../approvals/seek-approval.ts";
import type { FoundBackup } from "../catalogue/find-backups.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { planRestore } from "../restore.ts";
import { actionOf, describeOverwrite } from "./guard-overwrite.ts";
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
  const mayAct = [
    ...(requestOf(options).overwrite ? (["overwrite"] as const) : []),
    ...(options.flags?.has("into-live") === true ? (["into-live"] as const) : []),
  ];
  if (!mayAct.some((action) => needsApproval(context.policy, action))) return undefined;
  const plan = await planRestore(context, found, options);
  requirePassed(plan.checks, plan.target);
  const action = actionOf(plan);
  if (action === undefined || !needsApproval(context.policy, action)) return undefined;
  const loses = describeLoss(found, options, plan);
  return seekApproval(context, found.vault, { ...asking, subject: describeOverwrite(found, options, plan), loses });
}

/** What an approver is told is lost. */
export function describeLoss({ entry }: FoundBackup, { safetyBackup, only = [] }: RestoreOptions, plan: RestorePlan): string[] {
  const { target, standing } = plan;
  if (actionOf(plan) === "into-live") {
    const what = `rows of ${only[0]} that ${target} lacks come back from ${entry.id} (${entry.state}); rows that are there stay`;
    return [what, ...(standing?.facts ?? [])];
  }
  return [
    `what stands at ${target} is replaced by ${entry.id} (${entry.state}), and kept under another name`,
    ...(standing?.facts ?? []),
    safetyBackup === false
      ? "it is not backed up first (--no-safety-backup)"
      : `it is backed up first, as a backup of ${safetySeriesOf(entry.source)} that is held`,
  ];
}
