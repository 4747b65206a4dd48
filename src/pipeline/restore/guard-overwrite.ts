/**
 * An overwrite under a policy that wants a second person: nothing is replaced without their word.
 * Rows that are put into a live table are guarded in the same way.
 */
import type { RestorePlan } from "../../engines/restore-request.ts";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { needsApproval } from "../../policy/approvals.ts";
import type { ApprovalSubject } from "../../vault/documents/approval.ts";
import { writeOptions } from "../approvals/write-options.ts";
import { showTarget } from "../audit/record-restore.ts";
import type { FoundBackup } from "../catalogue/find-backups.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import type { RestoreOptions } from "./restore-options.ts";

/** What a restore under such a policy does beside restoring. */
export interface OverwriteGuard {
  /** Errors: ApprovalRefused, those of the trail; nothing is touched then. */
  useApproval(): Promise<void>;
  /** Errors: RestoreRefused: what stands there is not what was approved to be replaced. */
  requireSameTarget(): Promise<void>;
}

/**
 * Undefined where nobody has to approve. `survey` looks at the target again. Errors:
 * ApprovalNeeded.
 */
export function guardOverwrite(
  { policy }: PipelineContext,
  found: FoundBackup,
  options: RestoreOptions,
  plan: RestorePlan,
  survey: () => Promise<RestorePlan>,
): OverwriteGuard | undefined {
  const action = actionOf(plan);
  if (action === undefined || !needsApproval(policy, action)) return undefined;
  const { target } = plan;
  const { approval } = options;
  if (approval === undefined) {
    const what = action === "overwrite" ? `what stands at ${target} is replaced` : `${target} is changed`;
    throw new HoldfastError("ApprovalNeeded", `${what} only with the approval of a second person`);
  }
  let approved: string | undefined;
  return {
    async useApproval() {
      const subject = describeOverwrite(found, options, await survey());
      approved = subject.standing;
      await approval.use(subject);
    },
    async requireSameTarget() {
      const { standing } = await survey();
      if (standing?.identity === approved) return;
      throw new HoldfastError("RestoreRefused", `something else stands at ${target} than what was approved`, {
        hint: "Find out who put it there, and restore again.",
      });
    },
  };
}

/** What a policy may guard of a restore; undefined for one that changes nothing that is there. */
export function actionOf({ occupied, intoLive }: RestorePlan): "overwrite" | "into-live" | undefined {
  if (intoLive === true) return "into-live";
  return occupied ? "overwrite" : undefined;
}

/** What an approver is asked: to overwrite exactly this, with exactly these options. */
export function describeOverwrite({ entry }: FoundBackup, options: RestoreOptions, plan: RestorePlan): ApprovalSubject {
  const { standing } = plan;
  const { to, approval: _approval, safetyTaken: _taken, ...others } = options;
  return {
    action: actionOf(plan) ?? "overwrite",
    source: entry.source,
    backupId: entry.id,
    target: showTarget(to),
    standing: standing?.identity ?? "nothing",
    options: writeOptions(others),
  };
}
