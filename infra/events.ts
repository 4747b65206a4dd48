/** The bus on which the stack says what happened, for programs to listen to. */
import type { Deployment } from "./deployment.ts";
import { functionSpecs, roleName } from "./functions.ts";
import { arnOf, type Resource, type Resources, ref } from "./template.ts";

export function eventResources(deployment: Deployment): Resources {
  if (deployment.eventBus?.kind !== "own") return {};
  return {
    EventBus: {
      Type: "AWS::Events::EventBus",
      Properties: { Name: `${deployment.prefix}-events`, Description: "Holdfast: what happened (docs/events.md)" },
    },
    // The local cloud has no such resource (docs/local-cloud.md).
    ...(deployment.local ? {} : { EventBusPolicy: eventBusPolicy(deployment) }),
  };
}

/** What is on the bus was said by this stack: nobody else of the account may speak there. */
function eventBusPolicy(deployment: Deployment): Resource {
  const speaking = functionSpecs(deployment).filter(({ environment = {} }) => "HOLDFAST_EVENT_BUS" in environment);
  return {
    Type: "AWS::Events::EventBusPolicy",
    Properties: {
      EventBusName: ref("EventBus"),
      StatementId: "ThisStackAlone",
      Statement: {
        Effect: "Deny",
        Principal: "*",
        Action: "events:PutEvents",
        Resource: arnOf("EventBus"),
        Condition: { ArnNotEquals: { "aws:PrincipalArn": speaking.map(({ key }) => arnOf(roleName(key))) } },
      },
    },
  };
}
