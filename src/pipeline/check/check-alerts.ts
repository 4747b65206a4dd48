/** Looks whether the policy's alerts would reach somebody, without sending one. */
import { connect } from "node:net";
import { allChannels, channelName, channelsFor } from "../../alerts/route.ts";
import { checkWebhook } from "../../alerts/send-slack.ts";
import type { Finding } from "../../engines/finding.ts";
import { toHoldfastError } from "../../errors/holdfast-error.ts";
import type { AlertChannel } from "../../policy/policy.ts";
import { readWebhook } from "../notify/webhook.ts";
import type { PipelineContext } from "../pipeline-context.ts";

export interface AlertCheckOptions {
  /**
   * The policy is a deployed stack's: mail goes out, and its webhooks are read by its own
   * functions.
   */
  readonly deployed: boolean;
}

const subject = "alerts";
const drill = "Drill it with `holdfast alert test`.";
/** A channel that takes longer takes no alert either. */
const patienceMs = 5_000;

/**
 * Warnings, for a policy is not wrong without alerts: one that notifies nobody, one whose only
 * channels are mail on a machine without a stack, webhooks that are not there or whose server does
 * not answer. Never throws.
 */
export async function checkAlerts(context: PipelineContext, { deployed }: AlertCheckOptions): Promise<readonly Finding[]> {
  const { alerts } = context.policy;
  const channels = allChannels(alerts).map(({ channel }) => channel);
  if (channelsFor({ severity: "critical" }, alerts).length === 0) {
    return [
      warn(
        "no channel is named for critical alerts: a failed backup notifies nobody",
        "Add one to the policy: alerts: { critical: [slack:env:SLACK_WEBHOOK] }.",
      ),
    ];
  }
  if (deployed) return [{ level: "ok", subject, message: `${channels.map(channelName).join(", ")}; sent by the stack` }];
  const findings = await Promise.all(channels.map((channel) => checkChannel(context, channel)));
  if (channels.every(({ type }) => type === "email")) {
    return [
      warn(
        "email is sent through SNS and needs an AWS stack: from this machine no alert can be sent",
        "Add a slack: channel, or deploy the stack.",
      ),
    ];
  }
  return findings;
}

async function checkChannel(context: PipelineContext, channel: AlertChannel): Promise<Finding> {
  const name = channelName(channel);
  if (channel.type === "email") return { level: "ok", subject, message: `${name}: sent only by a stack on AWS` };
  try {
    const url = new URL(checkWebhook(await readWebhook(context, channel.webhook), name));
    const code = await reach(url.hostname.replace(/^\[|\]$/g, ""), Number(url.port || (url.protocol === "https:" ? 443 : 80)));
    // The host alone: the rest of a webhook's address is the secret.
    if (code !== undefined)
      return warn(`${name}: ${url.hostname} cannot be reached (${code})`, `Let this machine connect to it. ${drill}`);
    return { level: "ok", subject, message: `${name}: ${url.hostname} answers; nothing was sent` };
  } catch (error) {
    const { message, hint } = toHoldfastError(error);
    return warn(message.startsWith(name) ? message : `${name}: ${message}`, hint);
  }
}

function warn(message: string, remedy: string): Finding {
  return { level: "warning", subject, message, remedy };
}

/** Connects and hangs up; the error's code, or nothing when somebody answered. */
function reach(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (code?: string): void => {
      socket.destroy();
      resolve(code);
    };
    socket.setTimeout(patienceMs, () => end("no answer"));
    socket.once("connect", () => end());
    socket.once("error", (error: NodeJS.ErrnoException) => end(error.code ?? "no connection"));
  });
}
