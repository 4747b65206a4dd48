/** What the stack said on its bus meanwhile, as a queue got it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PutEventsCommand, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { CreateQueueCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { beforeAll, describe, expect, test } from "vitest";
import { account, region, stackName } from "../../../scripts/cloud-stack.ts";
import type { TestCloud } from "../cloud.ts";

const QueueName = "events-of-the-tests";
const EventBusName = `${stackName}-events`;
const schema = JSON.parse(readFileSync(join(import.meta.dirname, "../../../schema/event.schema.json"), "utf8"));

interface Delivered {
  readonly source: string;
  readonly "detail-type": string;
  readonly detail: Readonly<Record<string, unknown>> & { readonly id: string };
}

/** Before everything else: a rule and a queue, as somebody makes them who listens. */
export function eventsListener(cloud: () => TestCloud): void {
  beforeAll(async () => {
    const { events, sqs } = cloud().clients;
    const queueArn = `arn:aws:sqs:${region}:${account}:${QueueName}`;
    const Statement = [
      { Effect: "Allow", Principal: { Service: "events.amazonaws.com" }, Action: "sqs:SendMessage", Resource: queueArn },
    ];
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement });
    await sqs.send(new CreateQueueCommand({ QueueName, Attributes: { Policy } }));
    const EventPattern = JSON.stringify({ source: ["holdfast"] });
    await events.send(new PutRuleCommand({ EventBusName, Name: QueueName, EventPattern }));
    await events.send(new PutTargetsCommand({ EventBusName, Rule: QueueName, Targets: [{ Id: "queue", Arn: queueArn }] }));
    await events.send(new PutEventsCommand({ Entries: [{ EventBusName, Source: "somebody", DetailType: "x", Detail: "{}" }] }));
  });
}

/** After everything else. */
export function eventsSuite(cloud: () => TestCloud): void {
  describe("the bus", () => {
    let delivered: Delivered[] = [];
    beforeAll(async () => {
      delivered = await drain(cloud());
    });

    test("was told what was proven, what failed, what was restored and what retention released", () => {
      const types = new Set(delivered.map((each) => each["detail-type"]));
      for (const type of ["backup.verified", "backup.proven", "backup.failed", "restore.finished", "retention.pruned"])
        expect(types, type).toContain(type);
    });

    test("got events that the schema describes, from this stack, and ids and names alone", () => {
      const isEvent = new Ajv2020({ validateFormats: false }).compile(schema);
      for (const { source, detail, "detail-type": type } of delivered) {
        expect(isEvent(detail), `${JSON.stringify(detail)}: ${JSON.stringify(isEvent.errors)}`).toBe(true);
        expect([source, detail["type"], detail["deployment"]]).toEqual(["holdfast", type, stackName]);
      }
      const said = JSON.stringify(delivered);
      for (const word of ["password", "postgresql://", cloud().slack.token]) expect(said, word).not.toContain(word);
    });

    test("got each fact once", () => {
      const ids = delivered.map(({ detail }) => detail.id);
      expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    });
  });
}

async function drain({ clients: { sqs }, local }: TestCloud): Promise<Delivered[]> {
  const QueueUrl = `${local.ministack.endpoint}/${account}/${QueueName}`;
  const all = new Map<string, Delivered>();
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 600 }),
    );
    for (const { MessageId = "", Body = "" } of Messages) all.set(MessageId, JSON.parse(Body));
    if (Messages.length === 0) return [...all.values()];
  }
}
