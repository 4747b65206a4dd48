/**
 * The mail that a stack in the local cloud sends: SNS hands it to nobody there, so it is read from
 * a queue and shown.
 */
import { ListSubscriptionsByTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { parseAlert } from "../src/alerts/parse-alert.ts";
import { renderSubject, renderText } from "../src/alerts/render-text.ts";
import { account, region, stackName } from "./cloud-stack.ts";

export interface Mail {
  /** The addresses that are subscribed to the topic. */
  readonly to: readonly string[];
  readonly subject: string;
  readonly body: string;
}

const queueName = "holdfast-local-mail";
const pollSeconds = 2;
/**
 * After a failed look, and between two: the emulator answers a long poll at once when it is busy.
 */
const pauseMs = 500;

/** Shows each mail from now on; resolves when it is listening. `dispose` ends it. */
export async function watchMail(endpoint: string, show: (mail: Mail) => void): Promise<Disposable> {
  const configuration = { endpoint, region, credentials: { accessKeyId: "test", secretAccessKey: "test" } };
  const sns = new SNSClient(configuration);
  const sqs = new SQSClient(configuration);
  const arn = `arn:aws:sqs:${region}:${account}:${queueName}`;
  const statement = { Effect: "Allow", Principal: { Service: "sns.amazonaws.com" }, Action: "sqs:SendMessage", Resource: arn };
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName: queueName, Attributes: { Policy } }));
  for (const severity of ["critical", "warning", "info"]) {
    const TopicArn = `arn:aws:sns:${region}:${account}:${stackName}-${severity}`;
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: arn }));
  }
  const controller = new AbortController();
  void poll(sns, sqs, QueueUrl, show, controller.signal);
  return {
    [Symbol.dispose]() {
      controller.abort();
      sns.destroy();
      sqs.destroy();
    },
  };
}

async function poll(
  sns: SNSClient,
  sqs: SQSClient,
  QueueUrl: string,
  show: (mail: Mail) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const command = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: pollSeconds });
      const { Messages = [] } = await sqs.send(command, { abortSignal: signal });
      for (const { Body = "", ReceiptHandle } of Messages) {
        const mail = await readMail(sns, Body);
        if (mail.to.length > 0) show(mail);
        await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      }
    } catch {
      // The emulator may be busy, or be ending: the message stays in the queue.
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function readMail(sns: SNSClient, body: string): Promise<Mail> {
  const { TopicArn, Message, Subject = "" } = JSON.parse(body) as { TopicArn: string; Message: string; Subject?: string };
  const { Subscriptions = [] } = await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }));
  const to = Subscriptions.flatMap(({ Protocol, Endpoint = "" }) => (Protocol === "email" ? [Endpoint] : []));
  return { to, ...renderMail(Message, Subject) };
}

/**
 * A queue gets the alert itself, and mail its text (src/alerts/send-sns.ts); an alarm's message is
 * the same for both.
 */
export function renderMail(message: string, subject: string): Omit<Mail, "to"> {
  try {
    const alert = parseAlert(message);
    return { subject: renderSubject(alert), body: renderText(alert) };
  } catch {
    return { subject, body: message };
  }
}
