/** A request that waits, with all that an approver needs, as an alert says it. */
import type { BadOutcome } from "../../alerts/alert-for-outcome.ts";
import type { ApprovalRequest } from "../../vault/documents/approval.ts";
import { describeSubject } from "./describe-request.ts";

/** `command`: how the approver calls Holdfast, such as `holdfast --stack holdfast-prod`. */
export function describeWaiting(request: ApprovalRequest, id: string, command: string): BadOutcome {
  return {
    name: "approval needed",
    backupIds: request.backupId === undefined ? [] : [request.backupId],
    findings: [
      `${request.by} asks for ${describeSubject(request).join(", ")}: ${request.reason}`,
      ...request.loses,
      `it waits until ${request.expiresAt}`,
    ],
    hint: `Look at it, and answer: \`${command} approve ${id} --reason "…"\`, or \`${command} deny ${id} --reason "…"\`.`,
  };
}
