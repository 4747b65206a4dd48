/** Requests in sentences: for the person who approves, and for the one who asked. */
import type { ApprovalSubject } from "../../vault/documents/approval.ts";
import type { RequestStatus } from "../../vault/request-states.ts";

/** What has become of it: completes "request 3fa1c0… …". */
export function describeAnswer({ state, decision, used, request, doubt }: RequestStatus): string {
  if (doubt !== undefined) return `can no longer be relied on: ${doubt}`;
  const answered =
    decision === undefined ? "" : `${decision.decision} by ${decision.approver} at ${decision.at}: ${decision.reason}`;
  if (used !== undefined) return `was used by ${used.by} at ${used.at}`;
  if (state === "denied" || state === "approved") return `was ${answered}`;
  if (state === "expired")
    return `expired at ${request.expiresAt}, ${decision === undefined ? "and nobody had answered it" : `though it was ${answered}`}`;
  return `waits for an answer until ${request.expiresAt}`;
}

/** What an action is about, a fact a line. */
export function describeSubject({ action, source, backupId, target, options }: ApprovalSubject): readonly string[] {
  const given = Object.entries(options).map(([name, value]) => `${name}: ${value}`);
  return [
    `${action} of ${[source, backupId].filter((part) => part !== undefined).join("/")}${target === undefined ? "" : ` to ${target}`}`,
    ...(given.length === 0 ? [] : [`with ${given.join(", ")}`]),
  ];
}

/** How an action differs from what was asked for, a sentence each. */
export function describeDifferences(asked: ApprovalSubject, now: ApprovalSubject): readonly string[] {
  const members = ["action", "source", "backupId", "target"] as const;
  const plain = members
    .filter((name) => asked[name] !== now[name])
    .map((name) => `${name}: ${asked[name] ?? "none"} was asked for, this is ${now[name] ?? "none"}`);
  const names = [...new Set([...Object.keys(asked.options), ...Object.keys(now.options)])].sort();
  const options = names
    .filter((name) => asked.options[name] !== now.options[name])
    .map(
      (name) => `option ${name}: ${asked.options[name] ?? "not given"} was asked for, this is ${now.options[name] ?? "not given"}`,
    );
  const standing =
    asked.standing === now.standing
      ? []
      : [`something else stands at the target now: ${now.standing ?? "nothing"}, where it was ${asked.standing ?? "nothing"}`];
  return [...plain, ...options, ...standing];
}
