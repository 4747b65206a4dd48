/**
 * Publishes an alert to an SNS topic, in the form that each kind of subscriber takes. The SDK is
 * loaded when the first alert goes out.
 */
import type { SNSClientConfig } from "@aws-sdk/client-sns";
import { HoldfastError } from "../errors/holdfast-error.ts";
import type { Alert } from "./alert.ts";
import { renderChatbot } from "./render-chatbot.ts";
import { renderSubject, renderText } from "./render-text.ts";

export interface SnsOptions {
  readonly endpoint?: string | undefined;
  /** Absent: the topic's own, from its ARN. */
  readonly region?: string | undefined;
}

/** Errors that asking again does not fix (SNS API reference, Publish). */
const permanent = [
  "AccessDeniedException",
  "AuthorizationError",
  "AuthorizationErrorException",
  "CredentialsProviderError",
  "InvalidClientTokenId",
  "InvalidParameter",
  "InvalidParameterException",
  "InvalidParameterValue",
  "InvalidParameterValueException",
  "InvalidSecurity",
  "InvalidSecurityException",
  "KMSAccessDenied",
  "KMSAccessDeniedException",
  "KMSDisabled",
  "KMSDisabledException",
  "KMSInvalidState",
  "KMSInvalidStateException",
  "KMSNotFound",
  "KMSNotFoundException",
  "KMSOptInRequired",
  "NotFound",
  "NotFoundException",
  "SignatureDoesNotMatch",
];

/**
 * The `Message` of a publication with MessageStructure json: mail gets text, a Lambda and a queue
 * the alert itself (parseAlert reads it), a telephone the subject, and https, which is how Amazon Q
 * Developer subscribes, its notification.
 */
export function renderSnsMessage(alert: Alert): string {
  const text = renderText(alert);
  const document = JSON.stringify(alert);
  return JSON.stringify({
    default: text,
    email: text,
    sms: renderSubject(alert),
    lambda: document,
    sqs: document,
    https: JSON.stringify(renderChatbot(alert)),
  });
}

/**
 * Publishes the alert with the attributes `severity`, `kind` and, where it has one, `source`, by
 * which subscriptions filter. Gives the message's id.
 * Errors: AlertRefused (no such topic, no right, no key), AlertUndelivered (SNS could not be
 * asked).
 */
export async function sendSns(topicArn: string, alert: Alert, options: SnsOptions = {}): Promise<string> {
  const { SNSClient, PublishCommand } = await import("@aws-sdk/client-sns");
  const client = new SNSClient(configFor(topicArn, options));
  const attribute = (value: string) => ({ DataType: "String", StringValue: value });
  try {
    const { MessageId } = await client.send(
      new PublishCommand({
        TopicArn: topicArn,
        Subject: renderSubject(alert),
        Message: renderSnsMessage(alert),
        MessageStructure: "json",
        MessageAttributes: {
          severity: attribute(alert.severity),
          kind: attribute(alert.kind),
          ...(alert.source === undefined ? {} : { source: attribute(alert.source) }),
        },
      }),
    );
    return MessageId ?? "";
  } catch (error) {
    throw publishError(topicArn, error as Error);
  } finally {
    client.destroy();
  }
}

/** An alert must not hang: four attempts of at most ten seconds. */
function configFor(topicArn: string, { endpoint, region = topicArn.split(":")[3] }: SnsOptions): SNSClientConfig {
  return {
    ...(region === undefined || region === "" ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    maxAttempts: 4,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
  };
}

function publishError(topicArn: string, error: Error): HoldfastError {
  const name = permanent.includes(error.name) ? "AlertRefused" : "AlertUndelivered";
  return new HoldfastError(name, `the alert could not be published to ${topicArn}: ${error.name}`, {
    cause: error,
    hint: "Check that the topic exists and that this identity may sns:Publish to it (and kms:GenerateDataKey and kms:Decrypt on its key).",
  });
}
