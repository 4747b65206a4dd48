/** What the functions say on the stack's bus, and what they do when it takes nothing. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { metrics } from "../../functions/commons/powertools.ts";
import { handler as dump } from "../../functions/dump.ts";
import { handler as notify } from "../../functions/notify.ts";
import { handler as onExecution } from "../../functions/on-execution.ts";
import { handler as prove } from "../../functions/prove.ts";
import { handler as prune } from "../../functions/prune.ts";
import { handler as record } from "../../functions/record.ts";
import { readEvent } from "../statemachines/machines.ts";
import { type EventBusServer, startEventBus } from "../support/event-bus.ts";
import { createFunctionsProject, type FunctionsProject, invoke } from "./invoke.ts";

// Powertools then writes to the console that the test silences.
vi.hoisted(() => {
  Object.assign(process.env, {
    POWERTOOLS_DEV: "true",
    POWERTOOLS_SERVICE_NAME: "holdfast",
    POWERTOOLS_METRICS_NAMESPACE: "Holdfast",
  });
});

// The first of them loads the SDK's clients.
vi.setConfig({ testTimeout: 180_000 });

const busArn = "arn:aws:events:eu-central-1:123456789012:event-bus/holdfast-test-events";
const execution = "arn:aws:states:eu-central-1:123456789012:execution:holdfast-test-backup:run-1";
const schema = JSON.parse(await readFile(join(import.meta.dirname, "..", "..", "schema", "event.schema.json"), "utf8"));
const isEvent = new Ajv2020({ validateFormats: false }).compile(schema);

let project: FunctionsProject;
let bus: EventBusServer;
let said: string[];

/** What functions log and count. */
function listen(): void {
  said = [];
  for (const level of ["log", "info", "warn", "error"] as const) {
    vi.spyOn(console, level).mockImplementation((text: unknown) => {
      said.push(String(text));
    });
  }
}

async function start(how?: Parameters<typeof startEventBus>[0]): Promise<void> {
  bus = await startEventBus(how);
  Object.assign(process.env, {
    HOLDFAST_EVENT_BUS: busArn,
    HOLDFAST_DEPLOYMENT: "holdfast-test",
    HOLDFAST_TOPIC_CRITICAL: "arn:aws:sns:eu-central-1:123456789012:critical",
    HOLDFAST_TOPIC_WARNING: "arn:aws:sns:eu-central-1:123456789012:warning",
    HOLDFAST_TOPIC_INFO: "arn:aws:sns:eu-central-1:123456789012:info",
    AWS_ENDPOINT_URL: bus.url,
    AWS_ACCESS_KEY_ID: "key",
    AWS_SECRET_ACCESS_KEY: "word",
  });
}

beforeEach(async () => {
  listen();
  project = await createFunctionsProject();
  await start();
});

afterEach(async () => {
  vi.restoreAllMocks();
  await bus[Symbol.asyncDispose]();
  await project[Symbol.asyncDispose]();
});

const sample = (name: string, more: Readonly<Record<string, unknown>> = {}) => ({
  ...readEvent("functions", name),
  source: "tree",
  ...more,
});

/** The events so far; each is one that the schema describes, on the stack's own bus. */
function events(): { type: string; id: string; [name: string]: unknown }[] {
  return bus.entries.map(({ EventBusName, Source, DetailType, Detail }) => {
    const detail = JSON.parse(Detail);
    expect(isEvent(detail), JSON.stringify(isEvent.errors)).toBe(true);
    expect({ EventBusName, Source, DetailType }).toEqual({ EventBusName: busArn, Source: "holdfast", DetailType: detail.type });
    return detail;
  });
}

async function backUp(): Promise<string> {
  const backupId = String((await invoke(dump, sample("dump")))["backupId"]);
  await invoke(prove, sample("prove", { backupId }));
  await invoke(record, sample("record", { backupId }));
  return backupId;
}

/** The alert cannot be sent here: SNS answers with an error. */
const tell = (more: Readonly<Record<string, unknown>>) =>
  expect(invoke(notify, sample("notify", { execution, ...more }))).rejects.toThrow();
const execute = (detail: Readonly<Record<string, unknown>>) =>
  invoke(onExecution, { time: "2026-11-21T02:00:00Z", detail: { executionArn: execution, status: "FAILED", ...detail } });

describe("an event", () => {
  it("says what was recorded of a backup, when it is recorded and not before", async () => {
    const backupId = String((await invoke(dump, sample("dump")))["backupId"]);
    await invoke(prove, sample("prove", { backupId }));
    expect(events()).toEqual([]);
    await invoke(record, sample("record", { backupId }));
    expect(events()).toMatchObject([{ type: "backup.verified", deployment: "holdfast-test", source: "tree", backupId }]);
  });

  it("says what retention released", async () => {
    const [first] = [await backUp(), await backUp()];
    await invoke(prune, { source: "tree" });
    expect(events().slice(2)).toMatchObject([{ type: "retention.pruned", source: "tree", backupIds: [first], count: 1 }]);
    await invoke(prune, { source: "tree" });
    expect(events()).toHaveLength(3);
  });

  it("says that a restore is done, and nothing of one that was slow", async () => {
    const backupId = "20261121T020000Z-full-7k3f9a";
    await tell({ machine: "restore", error: "RestoreDone", backupId });
    await tell({ machine: "restore-test", error: "RtoMissed", backupId });
    expect(events()).toMatchObject([{ type: "restore.finished", source: "tree", backupId, execution }]);
  });

  it.each([
    ["backup", "backup.failed"],
    ["verify", "verification.failed"],
    ["restore-test", "restore-test.failed"],
    ["restore", "restore.failed"],
    ["fleet", "fleet.failed"],
  ])("of the machine %s that fails is %s, whether or not people could be told", async (machine, type) => {
    await tell({ machine, error: "SourceUnreachable" });
    expect(events()).toMatchObject([{ type, error: "SourceUnreachable", source: "tree", execution }]);
  });

  it("of one fact has one id, however often and by whom it is told", async () => {
    await tell({ machine: "backup", error: "States.Timeout" });
    await tell({ machine: "backup", error: "States.Timeout" });
    await expect(execute({ error: "Timeout", cause: "no" })).rejects.toThrow();
    await tell({ machine: "backup", error: "States.Timeout", execution: `${execution}-2` });
    const ids = events().map(({ id }) => id);
    expect([new Set(ids.slice(0, 3)).size, new Set(ids).size]).toEqual([1, 2]);
  });

  it("of a failure that its machine told of is not told by the rule on executions", async () => {
    expect(await execute({ error: "Timeout", cause: "alerted: no" })).toEqual({ sent: 0 });
    expect(events()).toEqual([]);
  });

  it("carries no words: not the cause's, nor those of one who stops an execution, nor a source that is none", async () => {
    const secret = "hunter2-and-more";
    await tell({ machine: "backup", error: "SourceUnreachable", cause: `password=${secret}`, backupId: secret });
    await expect(execute({ status: "FAILED", error: `it is ${secret}`, cause: secret })).rejects.toThrow();
    await expect(execute({ error: "X", input: JSON.stringify({ source: secret, password: secret }) })).rejects.toThrow();
    expect(events()).toHaveLength(3);
    expect(JSON.stringify(bus.entries)).not.toContain(secret);
  });
});

describe("a bus that takes nothing", () => {
  it.each(["refuses", "breaks"] as const)("and %s spoils no work, and is said and counted", async (how) => {
    await bus[Symbol.asyncDispose]();
    await start(how);
    const counted = vi.spyOn(metrics, "addMetric");
    const backupId = await backUp();
    expect(bus.entries.length).toBeGreaterThan(0);
    expect(backupId).toMatch(/full/);
    expect(said.filter((text) => text.includes("an event was not put"))).toHaveLength(1);
    expect(counted).toHaveBeenCalledWith("EventsNotPut", "Count", 1);
  });
});

it("is not asked where there is none", async () => {
  process.env["HOLDFAST_EVENT_BUS"] = "";
  await backUp();
  expect(bus.entries).toEqual([]);
  expect(said.join("\n")).not.toContain("an event was not put");
});
