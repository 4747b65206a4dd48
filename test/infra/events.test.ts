import { describe, expect, it } from "vitest";
import { eventResources } from "../../infra/events.ts";
import { functionRoles } from "../../infra/function-roles.ts";
import { functionSpecs } from "../../infra/functions.ts";
import { deploy } from "./deployments.ts";

const given = "arn:aws:events:eu-central-1:123456789012:event-bus/company";
const speaking = ["record", "prune", "notify", "on-execution"];

const rightsOf = (deployment: ReturnType<typeof deploy>) =>
  Object.entries(functionRoles(deployment)).filter(([, role]) => JSON.stringify(role).includes("events:PutEvents"));

describe("the bus of events", () => {
  it("is not there until it is asked for, and nobody may speak on any", () => {
    const deployment = deploy();
    expect([eventResources(deployment), rightsOf(deployment)]).toEqual([{}, []]);
    expect(JSON.stringify(functionSpecs(deployment))).not.toContain("HOLDFAST_EVENT_BUS");
  });

  it.each([
    ["own", { "Fn::GetAtt": ["EventBus", "Arn"] }],
    [given, given],
  ])("%s is where four functions may speak, which run no code of a backup, and on no other", (events, bus) => {
    const deployment = deploy(undefined, { events });
    const specs = functionSpecs(deployment).filter(({ environment = {} }) => "HOLDFAST_EVENT_BUS" in environment);
    expect(specs.map(({ key }) => key).toSorted()).toEqual(speaking.toSorted());
    for (const { tools, environment } of specs) {
      expect(tools).toBeUndefined();
      expect(environment).toMatchObject({ HOLDFAST_EVENT_BUS: bus, HOLDFAST_DEPLOYMENT: "holdfast-dev" });
    }
    const roles = rightsOf(deployment);
    expect(roles.map(([name]) => name).toSorted()).toEqual(["NotifyRole", "OnExecutionRole", "PruneRole", "RecordRole"]);
    for (const [, role] of roles)
      expect(JSON.stringify(role)).toContain(JSON.stringify({ Action: ["events:PutEvents"], Resource: [bus] }).slice(1, -1));
  });

  it("of its own takes the word of this stack's functions alone", () => {
    const { EventBus, EventBusPolicy } = eventResources(deploy(undefined, { events: "own" }));
    expect(EventBus).toMatchObject({ Properties: { Name: "holdfast-dev-events" } });
    const roles = ["PruneRole", "RecordRole", "NotifyRole", "OnExecutionRole"].map((name) => ({ "Fn::GetAtt": [name, "Arn"] }));
    expect(EventBusPolicy?.Properties?.["Statement"]).toMatchObject({
      Effect: "Deny",
      Principal: "*",
      Action: "events:PutEvents",
      Condition: { ArnNotEquals: { "aws:PrincipalArn": expect.arrayContaining(roles) } },
    });
    expect(eventResources(deploy(undefined, { events: given }))).toEqual({});
  });

  it.each(["yes", "default", "arn:aws:events:eu-central-1:1:event-bus/x", "arn:aws:sns:eu-central-1:123456789012:x"])(
    "is refused as %s",
    (events) => {
      expect(() => deploy(undefined, { events })).toThrow(expect.objectContaining({ name: "UsageInvalid" }));
    },
  );
});
