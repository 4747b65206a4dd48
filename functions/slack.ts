/** Posts alerts from the topics to the policy's Slack webhooks. */
import * as z from "zod";
import { parseAlert } from "../src/alerts/parse-alert.ts";
import { notify } from "../src/pipeline/notify.ts";
import { defineStep, serve } from "./commons/step.ts";

export const step = defineStep({
  name: "slack",
  // SNS's own form.
  input: z.looseObject({ Records: z.array(z.looseObject({ Sns: z.looseObject({ Message: z.string() }) })) }),
  async run(context, { Records }) {
    let sent = 0;
    for (const { Sns } of Records) {
      // Mail goes out through the topics' subscriptions; here it is out of reach, and that is right.
      const deliveries = (await notify(context, parseAlert(Sns.Message))).filter(({ outcome }) => outcome !== "out of reach");
      const failed = deliveries.find(({ error }) => error !== undefined);
      if (failed?.error !== undefined) throw failed.error;
      sent += deliveries.length;
    }
    return { sent };
  },
});

export const handler = serve(step);
