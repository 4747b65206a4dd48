/** Posts alerts, and CloudWatch's alarms, from the topics to the policy's Slack webhooks. */
import * as z from "zod";
import { alertForAlarm } from "../src/alerts/alert-for-alarm.ts";
import { parseAlert } from "../src/alerts/parse-alert.ts";
import { notify } from "../src/pipeline/notify.ts";
import type { Severity } from "../src/policy/policy.ts";
import { defineStep, serve } from "./commons/step.ts";

export const step = defineStep({
  name: "slack",
  // SNS's own form.
  input: z.looseObject({
    Records: z.array(z.looseObject({ Sns: z.looseObject({ Message: z.string(), TopicArn: z.string().optional() }) })),
  }),
  async run(context, { Records }) {
    let sent = 0;
    for (const { Sns } of Records) {
      const alarm = alertForAlarm(Sns.Message, severityOf(Sns.TopicArn), { now: context.run.clock.now() });
      // Mail goes out through the topics' subscriptions; here it is skipped, and that is right.
      const deliveries = (await notify(context, alarm ?? parseAlert(Sns.Message))).filter(({ outcome }) => outcome !== "skipped");
      const failed = deliveries.find(({ error }) => error !== undefined);
      if (failed?.error !== undefined) throw failed.error;
      sent += deliveries.length;
    }
    return { sent };
  },
});

export const handler = serve(step);

/**
 * A topic's name ends with its severity (infra/topics.ts); what cannot be read must not be played
 * down.
 */
function severityOf(topic = ""): Severity {
  return (["warning", "info"] as const).find((severity) => topic.endsWith(`-${severity}`)) ?? "critical";
}
