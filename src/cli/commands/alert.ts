/** `holdfast alert test`: a drill of every channel, before it is needed. */

import { errorDocument } from "../../errors/error-document.ts";
import { exitCodes } from "../../errors/exit-codes.ts";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { drillAlerts } from "../../pipeline/notify.ts";
import { describeUndelivered } from "../alerting.ts";
import type { Outcome, Session } from "../session.ts";

const styles = { sent: "green", failed: "red", skipped: "yellow" } as const;

/** Errors: UsageInvalid, when the policy has no channel, or none that is called `channel`. */
export async function testAlerts({ context, terminal }: Session, channel: string | undefined): Promise<Outcome> {
  const deliveries = await drillAlerts(context, channel);
  if (deliveries.length === 0) {
    const missing =
      channel === undefined ? "the policy names no channel for alerts" : `the policy has no alert channel "${channel}"`;
    throw new HoldfastError("UsageInvalid", missing, {
      hint: "Write one into the policy's alerts, such as critical: [slack:env:SLACK_WEBHOOK]; name it here as it stands there.",
    });
  }
  const lines = deliveries.flatMap((delivery) => [
    `${terminal.style(styles[delivery.outcome], delivery.outcome.padEnd(7))}  ${delivery.channel}`,
    ...(delivery.outcome === "sent" ? [] : [`         ${describeUndelivered(delivery)}`]),
  ]);
  return {
    document: {
      channels: deliveries.map(({ channel: name, outcome, error }) => ({
        channel: name,
        outcome,
        error: error && errorDocument(error),
      })),
    },
    lines,
    // A drill that reached nobody proves nothing, whatever kept it from trying.
    exitCode:
      deliveries.some(({ outcome }) => outcome === "failed") || deliveries.every(({ outcome }) => outcome !== "sent")
        ? exitCodes.failed
        : exitCodes.done,
  };
}
