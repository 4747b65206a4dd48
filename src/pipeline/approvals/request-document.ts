/** A request as `--json` has it (docs/approvals.md). */
import type { RequestStatus } from "../../vault/request-states.ts";

export function requestDocument(status: RequestStatus): Readonly<Record<string, unknown>> {
  const { id, sha256, number, state, request, decision, used, ignored, doubt } = status;
  const { by, reason, loses, at, expiresAt, person: _person, ...subject } = request;
  const answer =
    decision === undefined
      ? {}
      : {
          answer: {
            decision: decision.decision,
            approver: decision.approver,
            by: decision.by,
            at: decision.at,
            reason: decision.reason,
          },
        };
  return {
    id,
    sha256,
    number,
    state,
    ...subject,
    by,
    reason,
    loses,
    at,
    expiresAt,
    ...answer,
    ...(used === undefined ? {} : { used }),
    ...(ignored.length === 0 ? {} : { ignored }),
    ...(doubt === undefined ? {} : { doubt }),
  };
}
