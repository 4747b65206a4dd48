/** Who is notified: the channels that the policy names for an alert's severity. */
import type { AlertChannel, Policy, Severity } from "../policy/policy.ts";
import type { Alert } from "./alert.ts";

/**
 * The list that stands in for one that the policy does not write. Only `critical` need be written:
 * a warning must not get lost because nobody thought of it, and a critical alert must reach
 * somebody. What went well is told to those who asked for it alone. A list that is written and
 * empty means what it says: nobody.
 */
const standIns: Readonly<Record<Severity, readonly Severity[]>> = {
  critical: ["critical", "warning", "info"],
  warning: ["warning", "critical"],
  info: ["info"],
};

/**
 * The channels that an alert goes to, each once. A recovery goes to those that got the
 * problem, and to the list for `info`.
 */
export function channelsFor(alert: Pick<Alert, "severity" | "recoversFrom">, alerts: Policy["alerts"]): readonly AlertChannel[] {
  const severities = alert.recoversFrom === undefined ? [alert.severity] : [alert.severity, alert.recoversFrom];
  const channels = severities.flatMap((severity) => listFor(severity, alerts));
  return [...new Map(channels.map((channel) => [channelName(channel), channel])).values()];
}

/** Every channel of the policy with the severities that it is told of. */
export function allChannels(
  alerts: Policy["alerts"],
): readonly { readonly channel: AlertChannel; readonly severities: Severity[] }[] {
  const found = new Map<string, { channel: AlertChannel; severities: Severity[] }>();
  for (const severity of ["critical", "warning", "info"] as const) {
    for (const channel of channelsFor({ severity }, alerts)) {
      const known = found.get(channelName(channel));
      if (known === undefined) found.set(channelName(channel), { channel, severities: [severity] });
      else known.severities.push(severity);
    }
  }
  return [...found.values()];
}

/**
 * The channel as the policy writes it, which names where a webhook stands and never the webhook:
 * `slack:env:SLACK_WEBHOOK`.
 */
export function channelName(channel: AlertChannel): string {
  if (channel.type === "email") return `email:${channel.address}`;
  const { webhook } = channel;
  switch (webhook.from) {
    case "file":
      return `slack:file:${webhook.path}`;
    case "secret":
      return `slack:secret:${webhook.id}`;
    default:
      return `slack:${webhook.from}:${webhook.name}`;
  }
}

function listFor(severity: Severity, alerts: Policy["alerts"]): readonly AlertChannel[] {
  for (const candidate of standIns[severity]) {
    const channels = alerts[candidate];
    if (channels !== undefined) return channels;
  }
  return [];
}
