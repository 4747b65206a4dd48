/** A request that waits, with all that an approver needs, as an alert says it. */
import type { BadOutcome } from "../../src/alerts/alert-for-outcome.ts";
import { describeSubject } from "../../src/pipeline/approvals/describe-request.ts";
import type { ApprovalRequest } from "../../src/vault/documents/approval.ts";
import { requireVariable } from "./environment.ts";

export function describeWaiting(request: ApprovalRequest, id: string): BadOutcome {
  const command = `holdfast --stack ${requireVariable("HOLDFAST_DEPLOYMENT")}`;
  return {
    name: "approval needed",
    backupIds: request.backupId === undefined ? [] : [request.backupId],
    findings: [
      `${request.by} asks for ${describeSubject(request).join(", ")}: ${request.reason}`,
      ...request.loses,
      `it waits until ${request.expiresAt}`,
    ],
    hint: `Answer it: \`${command} approve ${id} --reason "…"\`, or \`${command} deny ${id} --reason "…"\`.`,
  };
}
