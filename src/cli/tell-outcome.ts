/** Tells the policy's channels of something while a command goes on, with --alert. */
import type { BadOutcome } from "../alerts/alert-for-outcome.ts";
import type { Session } from "./session.ts";

/**
 * Sends it; what could not be sent is a warning. Never rejects but for an interruption and for what
 * is a fault of Holdfast.
 */
export async function tellOutcome({ context, invocation }: Session, source: string, outcome: BadOutcome): Promise<void> {
  const { alertForOutcome } = await import("../alerts/alert-for-outcome.ts");
  const { gatherAlertContext, notify } = await import("../pipeline/notify.ts");
  const { describeUndelivered } = await import("./alerting.ts");
  const { log, identity } = context.run;
  const about = await gatherAlertContext(context, { source, run: identity, invocation });
  for (const delivery of await notify(context, alertForOutcome(outcome, about))) {
    if (delivery.outcome !== "sent") log.warn(`an alert was not sent: ${describeUndelivered(delivery)}`);
  }
}
