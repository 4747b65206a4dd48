/** Commands under a policy that wants a second person: they ask, wait if told to, and go on. */
import { setTimeout as sleep } from "node:timers/promises";
import { exitCodes } from "../errors/exit-codes.ts";
import { HoldfastError } from "../errors/holdfast-error.ts";
import { describeSubject } from "../pipeline/approvals/describe-request.ts";
import { describeWaiting } from "../pipeline/approvals/describe-waiting.ts";
import { requestDocument } from "../pipeline/approvals/request-document.ts";
import type { Approval, Asking, Sought } from "../pipeline/approvals/seek-approval.ts";
import type { RequestStatus } from "../vault/request-states.ts";
import type { ApprovalOptions } from "./command-shape.ts";
import type { Outcome, Session } from "./session.ts";
import { tellOutcome } from "./tell-outcome.ts";

/** How often the trail is looked at while a command waits. */
const pollMs = 5_000;

/**
 * Calls `seek` until it finds the approval, or gives the command's outcome: that somebody has to
 * approve. Without a need for one, gives neither. Errors: those of `seek`.
 */
export async function obtainApproval(
  session: Session,
  { reason, request, wait, alert }: ApprovalOptions,
  seek: (asking: Pick<Asking, "reason" | "requestId">) => Promise<Sought | undefined>,
  everyMs = pollMs,
): Promise<{ readonly approval?: Approval | undefined; readonly outcome?: Outcome | undefined }> {
  let asking = { reason, requestId: request };
  let said = false;
  for (;;) {
    const sought = await seek(asking);
    if (sought === undefined) return {};
    if ("approval" in sought) return { approval: sought.approval };
    const { waiting, isNew } = sought;
    if (alert === true && isNew) await tellWaiting(session, waiting);
    if (wait !== true) return { outcome: needed(session, waiting) };
    if (!said) for (const line of waitingLines(session, waiting)) session.context.run.log.info(line);
    said = true;
    // From now on this one decides: when its time is over, none is asked in its stead.
    asking = { reason, requestId: waiting.sha256 };
    await sleep(everyMs, undefined, { signal: session.context.run.signal });
  }
}

function needed(session: Session, waiting: RequestStatus): Outcome {
  const error = new HoldfastError(
    "ApprovalNeeded",
    `this needs the approval of a second person: request ${waiting.id} waits until ${waiting.request.expiresAt}`,
    {
      details: [...describeSubject(waiting.request), ...waiting.request.loses],
      hint: `An approver runs \`${approveCommand(session, waiting)}\`; then run the same command again.`,
    },
  );
  return { document: { request: requestDocument(waiting) }, lines: [], exitCode: exitCodes.refused, error };
}

function waitingLines(session: Session, waiting: RequestStatus): string[] {
  return [
    `request ${waiting.id} waits for the approval of a second person until ${waiting.request.expiresAt}`,
    `an approver runs: ${approveCommand(session, waiting)}`,
  ];
}

function approveCommand({ invocation = "holdfast" }: Session, { id }: RequestStatus): string {
  return `${invocation} approve ${id} --reason "…"`;
}

async function tellWaiting(session: Session, waiting: RequestStatus): Promise<void> {
  const { request, id } = waiting;
  await tellOutcome(session, request.source, describeWaiting(request, id, session.invocation ?? "holdfast"));
}
