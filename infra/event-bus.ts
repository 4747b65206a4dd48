/** The parameter `events`: on which bus of EventBridge the stack says what happened. */
import { refuse } from "./refusals.ts";

/** Undefined: nothing is said. `own`: the stack makes one; else one that there is. */
export type EventBus = { readonly kind: "own" } | { readonly kind: "given"; readonly arn: string } | undefined;

/** EventBridge API, "PutEventsRequestEntry", EventBusName: a name of up to 256 characters. */
const busArn = /^arn:aws[a-z-]*:events:[a-z0-9-]+:\d{12}:event-bus\/[A-Za-z0-9._/-]{1,256}$/;

/** Errors: UsageInvalid. */
export function readEventBus(text: string): EventBus {
  const given = text.trim();
  if (given === "") return undefined;
  if (given === "own") return { kind: "own" };
  if (busArn.test(given)) return { kind: "given", arn: given };
  throw refuse(`the parameter events is "${text}"`, "Give --param=events=own, the ARN of a bus of EventBridge, or nothing.");
}
