/**
 * What the stack tells: every topic's messages in a queue of the tests', and what the webhook was
 * sent.
 */
import { SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { account, region, stackName } from "../../scripts/cloud-stack.ts";
import type { Alert } from "../../src/alerts/alert.ts";
import { parseAlert } from "../../src/alerts/parse-alert.ts";
import { waitFor } from "../support/processes.ts";
import type { TestCloud } from "./cloud.ts";

/** An alert, and the severity of the topic that it came from. */
export interface Told {
  readonly topic: string;
  readonly alert: Alert;
}

export interface Listener {
  /** All that was told so far. */
  told(): Promise<readonly Told[]>;
  /** The first alert that fits, on its topic and at the webhook; throws when none comes. */
  expectTold(what: string, fits: (alert: Alert) => boolean): Promise<Told>;
}

/** An alert takes a second; on a busy machine, minutes. */
const waitMs = 300_000;

/**
 * Subscribes a queue to all topics of the deployed stack; again after another deployment, for it
 * has new topics.
 */
export async function listenToAlerts({ clients: { sns, sqs }, slack }: TestCloud): Promise<Listener> {
  const queueArn = `arn:aws:sqs:${region}:${account}:alerts-of-the-tests`;
  const Statement = [
    { Effect: "Allow", Principal: { Service: "sns.amazonaws.com" }, Action: "sqs:SendMessage", Resource: queueArn },
  ];
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement });
  const queue = await sqs.send(new CreateQueueCommand({ QueueName: "alerts-of-the-tests", Attributes: { Policy } }));
  for (const severity of ["critical", "warning", "info"]) {
    await sns.send(
      new SubscribeCommand({
        TopicArn: `arn:aws:sns:${region}:${account}:${stackName}-${severity}`,
        Protocol: "sqs",
        Endpoint: queueArn,
      }),
    );
  }
  const all: Told[] = [];
  const drain = async (): Promise<readonly Told[]> => {
    for (;;) {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: queue.QueueUrl, MaxNumberOfMessages: 10 }));
      for (const { Body = "", ReceiptHandle } of Messages) {
        const { TopicArn, Message } = JSON.parse(Body) as { TopicArn: string; Message: string };
        all.push({ topic: TopicArn.slice(TopicArn.lastIndexOf("-") + 1), alert: parseAlert(Message) });
        await sqs.send(new DeleteMessageCommand({ QueueUrl: queue.QueueUrl, ReceiptHandle }));
      }
      if (Messages.length === 0) return all;
    }
  };
  return {
    told: drain,
    async expectTold(what, fits) {
      let found: Told | undefined;
      const look = async (): Promise<boolean> => {
        found = (await drain()).find(({ alert }) => fits(alert));
        return found !== undefined && slack.received.some((body) => tells(body, found?.alert));
      };
      try {
        await waitFor(`the alert of ${what}`, look, waitMs);
      } catch (error) {
        const names = all.map(({ alert }) => `${alert.what}: ${alert.why.class} (${alert.run})`);
        const place = found === undefined ? "on no topic" : "on its topic, but not at the webhook";
        throw new Error(`${(error as Error).message}; ${place}; told so far: ${names.join(" | ")}`);
      }
      const { topic, alert } = found as Told;
      console.log(`  alert on ${topic} and at the webhook: ${alert.what}: ${alert.why.class}: ${alert.why.message.slice(0, 160)}`);
      return found as Told;
    },
  };
}

/**
 * Whether Slack was sent this alert: its heading, the error's name, the execution and the next
 * command are in the message.
 */
function tells(body: string, alert: Alert | undefined): boolean {
  if (alert === undefined) return false;
  return [alert.what, alert.why.class, alert.run ?? "", alert.nextCommand].every((text) =>
    body.includes(JSON.stringify(text).slice(1, -1)),
  );
}
