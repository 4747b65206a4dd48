/** What a function needs that says facts on the bus. */
import type { Deployment } from "./deployment.ts";
import { allow, arnOf, type Statement } from "./template.ts";

const busOf = ({ eventBus }: Deployment) => (eventBus?.kind === "given" ? eventBus.arn : arnOf("EventBus"));

/** The bus, and the stack's name. */
export function eventEnvironment(deployment: Deployment): Readonly<Record<string, unknown>> {
  if (deployment.eventBus === undefined) return {};
  return { HOLDFAST_EVENT_BUS: busOf(deployment), HOLDFAST_DEPLOYMENT: deployment.prefix };
}

/** To this bus, and to no other. */
export function putEvents(deployment: Deployment): readonly Statement[] {
  return deployment.eventBus === undefined ? [] : [allow(["events:PutEvents"], [busOf(deployment)])];
}
