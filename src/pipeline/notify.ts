/**
 * The step that tells people. On AWS it publishes to the topic of the alert's severity, whose
 * subscribers are the policy's addresses and the function that posts to Slack; on a single machine
 * it posts to Slack itself, and cannot send mail.
 */
import { setTimeout as wait } from "node:timers/promises";
import { type Alert, type AlertContext, type GoodBackup, testAlert } from "../alerts/alert.ts";
import { renderSlack } from "../alerts/render-slack.ts";
import { allChannels, channelName, channelsFor } from "../alerts/route.ts";
import { sendSlack } from "../alerts/send-slack.ts";
import { sendSns } from "../alerts/send-sns.ts";
import { HoldfastError, toHoldfastError } from "../errors/holdfast-error.ts";
import type { AlertChannel, Severity } from "../policy/policy.ts";
import { newestGoodBackup, type SoundBackup } from "./catalogue/newest-good.ts";
import { knownSecrets, publicNamesOf } from "./notify/known-secrets.ts";
import { readWebhook } from "./notify/webhook.ts";
import type { PipelineContext } from "./pipeline-context.ts";

/** How telling one channel went. */
export interface Delivery {
  /** As the policy writes it, `slack:env:SLACK_WEBHOOK`, or `sns:` and the topic's ARN. */
  readonly channel: string;
  readonly outcome: "sent" | "failed" | "skipped";
  /** Why it was not sent. */
  readonly error?: HoldfastError | undefined;
}

export interface NotifyOptions {
  /**
   * The topics of a stack by severity: the alert is published there, and nothing is sent from here.
   */
  readonly topics?: Readonly<Record<Severity, string>> | undefined;
}

/**
 * Tells the policy's channels. Never throws: how each went is the result, and what did not go out
 * is the caller's to say. It does not heed the run's signal, for an interrupted run has most to
 * tell; every attempt has its own time limit.
 */
export async function notify(context: PipelineContext, alert: Alert, options: NotifyOptions = {}): Promise<readonly Delivery[]> {
  if (options.topics !== undefined) return publish(alert, options.topics);
  return Promise.all(channelsFor(alert, context.policy.alerts).map((channel) => tell(context, channel, alert)));
}

/**
 * Drills every channel of the policy, or those that `only` names (as the policy writes them, or a
 * severity): one message each. Never throws.
 */
export async function drillAlerts(
  context: PipelineContext,
  only: string | undefined,
  invocation?: string,
): Promise<readonly Delivery[]> {
  const { policy, run } = context;
  const wanted = allChannels(policy.alerts).filter(
    ({ channel, severities }) => only === undefined || namesOf(channel).includes(only) || severities.some((each) => each === only),
  );
  const about = {
    now: run.clock.now(),
    run: run.identity,
    secrets: await knownSecrets(context),
    publicNames: publicNamesOf(policy),
    invocation,
  };
  return Promise.all(wanted.map(({ channel, severities }) => tell(context, channel, testAlert(severities[0] ?? "info", about))));
}

/**
 * What an alert's maker needs to know: the newest good backup of the source, its tier, and the
 * secrets to leave out. Never throws.
 */
export async function gatherAlertContext(
  context: PipelineContext,
  given: Pick<AlertContext, "source" | "since" | "run" | "invocation">,
): Promise<AlertContext> {
  const now = context.run.clock.now();
  const source = given.source === undefined ? undefined : context.policy.sources[given.source];
  const newest = source === undefined ? undefined : await newestGoodBackup(context, source.name);
  return {
    ...given,
    now,
    secrets: await knownSecrets(context),
    publicNames: publicNamesOf(context.policy),
    ...(source === undefined ? {} : { tier: source.tier }),
    ...(newest === undefined ? {} : { newestGood: newest === null ? null : goodBackupOf(newest, now) }),
  };
}

function goodBackupOf({ id, state, startedAt }: SoundBackup, now: Date): GoodBackup {
  return { id, state, ageSeconds: Math.max(0, Math.round((now.getTime() - startedAt.getTime()) / 1000)) };
}

async function publish(alert: Alert, topics: Readonly<Record<Severity, string>>): Promise<readonly Delivery[]> {
  const severities = new Set([alert.severity, alert.recoversFrom ?? alert.severity]);
  return Promise.all([...severities].map((severity) => attempt(`sns:${topics[severity]}`, () => sendSns(topics[severity], alert))));
}

async function tell(context: PipelineContext, channel: AlertChannel, alert: Alert): Promise<Delivery> {
  const name = channelName(channel);
  if (channel.type === "email") {
    const error = new HoldfastError("AlertRefused", `${name} is skipped: email is sent through SNS and needs an AWS stack`, {
      hint: "On this machine use a slack: channel.",
    });
    return { channel: name, outcome: "skipped", error };
  }
  return attempt(name, async () => {
    const webhook = await readWebhook(context, channel.webhook);
    const random = (): number => (context.run.randomBytes(1)[0] ?? 0) / 256;
    await sendSlack(webhook, renderSlack(alert), { channel: name, wait, random });
  });
}

async function attempt(channel: string, work: () => Promise<unknown>): Promise<Delivery> {
  try {
    await work();
    return { channel, outcome: "sent" };
  } catch (error) {
    return { channel, outcome: "failed", error: toHoldfastError(error) };
  }
}

/**
 * The spellings by which a person names a channel: the policy has a short one with a slash for
 * secrets.
 */
function namesOf(channel: AlertChannel): readonly string[] {
  const name = channelName(channel);
  return [name, name.replace(/^slack:secret:/, "slack:secret/"), channel.type];
}
