/**
 * A queue of a MiniStack, by Amazon SQS's JSON protocol: no client of it is among this project's
 * packages.
 */
import { waitFor } from "./processes.ts";

export interface Queue {
  readonly url: string;
  readonly arn: string;
  /** The next message's body, taken out of the queue; waits for it. */
  receive(): Promise<string>;
}

export async function createQueue(endpoint: string, QueueName: string): Promise<Queue> {
  const ask = async <T>(action: string, body: unknown): Promise<T> => {
    const response = await fetch(endpoint, {
      method: "POST",
      headers: {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": `AmazonSQS.${action}`,
        // Names the account and the region; nobody checks the signature.
        authorization: "AWS4-HMAC-SHA256 Credential=test/20261121/eu-central-1/sqs/aws4_request, SignedHeaders=host, Signature=0",
      },
      body: JSON.stringify(body),
    });
    return (await response.json()) as T;
  };
  const { QueueUrl } = await ask<{ QueueUrl: string }>("CreateQueue", { QueueName });
  const { Attributes } = await ask<{ Attributes: { QueueArn: string } }>("GetQueueAttributes", {
    QueueUrl,
    AttributeNames: ["QueueArn"],
  });
  return {
    url: QueueUrl,
    arn: Attributes.QueueArn,
    async receive() {
      let body: string | undefined;
      const take = async (): Promise<boolean> => {
        const { Messages } = await ask<{ Messages?: { Body: string; ReceiptHandle: string }[] }>("ReceiveMessage", { QueueUrl });
        const [message] = Messages ?? [];
        if (message === undefined) return false;
        await ask("DeleteMessage", { QueueUrl, ReceiptHandle: message.ReceiptHandle });
        body = message.Body;
        return true;
      };
      await waitFor(`a message in ${QueueName}`, take, 20_000);
      return body ?? "";
    },
  };
}
