/** Puts events on an EventBridge bus. The SDK is loaded when the first one goes out. */
import { HoldfastError, toHoldfastError } from "../errors/holdfast-error.ts";
import { type BusEvent, eventSource } from "./event.ts";

export interface BusOptions {
  readonly endpoint?: string | undefined;
}

/**
 * Puts one event. Errors: AlertUndelivered (EventBridge refused it or could not be asked), with its
 * words.
 */
export async function putEvent(busArn: string, { type, detail }: BusEvent, { endpoint }: BusOptions = {}): Promise<void> {
  const { EventBridgeClient, PutEventsCommand } = await import("@aws-sdk/client-eventbridge");
  const region = busArn.split(":")[3];
  const client = new EventBridgeClient({
    ...(region === undefined || region === "" ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    // An event must not hold up what it tells of: three attempts of at most five seconds.
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 3_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
  });
  try {
    const entry = { EventBusName: busArn, Source: eventSource, DetailType: type, Detail: JSON.stringify(detail) };
    const { FailedEntryCount = 0, Entries = [] } = await client.send(new PutEventsCommand({ Entries: [entry] }));
    if (FailedEntryCount > 0) throw undelivered(type, busArn, `${Entries[0]?.ErrorCode}`);
  } catch (error) {
    throw error instanceof HoldfastError ? error : undelivered(type, busArn, toHoldfastError(error).message, error);
  } finally {
    client.destroy();
  }
}

function undelivered(type: string, busArn: string, why: string, cause?: unknown): HoldfastError {
  return new HoldfastError("AlertUndelivered", `the event ${type} could not be put on ${busArn}: ${why}`, {
    cause,
    hint: "Check that the bus exists and that this function's role may events:PutEvents on it.",
  });
}
