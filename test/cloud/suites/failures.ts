/**
 * What goes wrong in the night, each time ending in an alert on the right topic and at the webhook.
 */
import { FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { GetFunctionConfigurationCommand, UpdateFunctionConfigurationCommand } from "@aws-sdk/client-lambda";
import { DeleteObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { CreateScheduleCommand, GetScheduleCommand } from "@aws-sdk/client-scheduler";
import { StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { stackName } from "../../../scripts/cloud-stack.ts";
import { findFreePort } from "../../support/ministack.ts";
import { waitFor } from "../../support/processes.ts";
import { startSlack } from "../../support/slack-server.ts";
import { type Listener, listenToAlerts } from "../alerts.ts";
import type { TestCloud } from "../cloud.ts";
import { ended, entered, execute, executionsOf, startExecution, statesOf, taskErrors } from "../executions.ts";
import { vaultBucket } from "../policy.ts";
import { keysIn, readObject } from "../vault.ts";

export function failuresSuite(cloud: () => TestCloud): void {
  describe("failures", () => {
    let listener: Listener;
    beforeAll(async () => {
      listener = await listenToAlerts(cloud());
    });
    afterEach(async () => {
      const { local } = cloud();
      await local.putSecret("billing/db", local.connectionSecret("billing"));
    });

    const backUpBilling = (timeoutMs?: number) => execute(cloud(), "backup", { source: "billing", kind: "full" }, timeoutMs);

    test("source down: tried again and again, then told", async () => {
      const { local } = cloud();
      await local.putSecret("billing/db", local.connectionSecret("billing", { port: await findFreePort() }));
      const run = await backUpBilling();
      expect(run).toMatchObject({ status: "FAILED", error: "SourceUnreachable" });
      expect(taskErrors(run)).toEqual(Array.from({ length: 5 }, () => "SourceUnreachable"));
      const { topic, alert } = await listener.expectTold("the source that is down", ({ run: of }) => of === run.arn);
      expect(alert).toMatchObject({ source: "billing", why: { class: "SourceUnreachable" } });
      expect(topic).toBe(alert.severity);
    });

    test("wrong password: told at once, for trying again does not help", async () => {
      const { local } = cloud();
      await local.putSecret("billing/db", local.connectionSecret("billing", { password: "not-the-password" }));
      const run = await backUpBilling();
      expect(run).toMatchObject({ status: "FAILED", error: "SourceAccessDenied" });
      expect(taskErrors(run)).toEqual(["SourceAccessDenied"]);
      const { alert } = await listener.expectTold("the wrong password", ({ run: of }) => of === run.arn);
      expect(alert).toMatchObject({ source: "billing", why: { class: "SourceAccessDenied" } });
      expect(JSON.stringify(alert)).not.toContain("not-the-password");
      expect(cloud().slack.received.join()).not.toContain("not-the-password");
    });

    test("corrupted object: verification finds it, and names the newest good backup", async () => {
      const good = (await backUpBilling()).output as { backupId: string };
      const bad = (await backUpBilling()).output as { backupId: string };
      await corrupt(cloud(), `artifacts/billing/${bad.backupId}/`);
      const run = await execute(cloud(), "verify", { sources: ["billing"], olderThanHours: 0 });
      expect(run).toMatchObject({ status: "FAILED", error: "BackupDamaged" });
      expect(run.cause).toMatch(/1 of [2-9] backups/);
      const { alert } = await listener.expectTold(
        "the damaged backup",
        ({ why, source }) => why.class === "damaged" && source === "billing",
      );
      expect(alert).toMatchObject({ severity: "critical", newestGood: { id: good.backupId, state: "verified" } });
      expect(alert.what).toContain(bad.backupId);
    });

    test("a dump whose function runs out of time goes on in Fargate, and is verified", async () => {
      const { local, clients } = cloud();
      const FunctionName = `${stackName}-dump-billing`;
      const { Timeout } = await clients.lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
      // A tenth of it is for cleaning up (functions/commons/open-context.ts): seconds, which a busy
      // machine needs.
      await clients.lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Timeout: 30 }));
      await using lock = await lockInvoices(local);
      try {
        const arn = await startExecution(cloud(), "backup", { source: "billing", kind: "full" });
        // pg_dump waits for the table, as long as the function may.
        await entered(cloud(), arn, "DumpOnFargate");
        await lock.release();
        const run = await ended(cloud(), arn);
        expect(taskErrors(run)).toEqual(["DeadlineReached"]);
        expect(statesOf(run)).toEqual(expect.arrayContaining(["Dump", "DumpOnFargate", "VerifyOnFargate", "Prune", "Done"]));
        expect(run).toMatchObject({ status: "SUCCEEDED", output: { source: "billing", outcome: "verified" } });
      } finally {
        await clients.lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Timeout }));
      }
    });

    test("a schedule that fires twice: one execution", async () => {
      const { scheduler } = cloud().clients;
      const deployed = await scheduler.send(new GetScheduleCommand({ Name: "backup-shop-eu-full", GroupName: stackName }));
      const at = new Date(Date.now() + 20_000).toISOString().slice(0, 19);
      for (const name of ["first-delivery", "second-delivery"]) {
        await scheduler.send(
          new CreateScheduleCommand({
            Name: name,
            ScheduleExpression: `at(${at})`,
            FlexibleTimeWindow: { Mode: "OFF" },
            Target: deployed.Target,
            ActionAfterCompletion: "DELETE",
          }),
        );
      }
      const name = `backup-shop-eu-full-${at.replaceAll(/[-:]/g, "")}Z`;
      const runs = () => executionsOf(cloud(), "backup", name);
      await waitFor(`the execution ${name}`, async () => (await runs()).length > 0, 600_000);
      const run = await ended(cloud(), (await runs())[0]?.executionArn ?? "");
      await waitFor("the second delivery", () => wasRepeated(cloud(), name), 300_000);
      expect(await runs()).toHaveLength(1);
      expect(run.status).toBe("SUCCEEDED");
      expect(await keysIn(cloud(), "manifests/shop-eu/")).toHaveLength(1);
      expect((await listener.told()).filter(({ alert }) => alert.source === "shop-eu")).toEqual([]);
    });

    test("an execution that somebody aborts, whose Catch cannot speak: the rule does", async () => {
      const { local, clients } = cloud();
      await using _lock = await lockInvoices(local);
      const arn = await startExecution(cloud(), "backup", { source: "billing", kind: "full" });
      await entered(cloud(), arn, "Dump");
      await clients.sfn.send(new StopExecutionCommand({ executionArn: arn, error: "Stopped", cause: "by hand" }));
      const run = await ended(cloud(), arn);
      expect(run.status).toBe("ABORTED");
      const { alert } = await listener.expectTold("the aborted execution", ({ run: of }) => of === arn);
      expect(alert).toMatchObject({ source: "billing" });
    });

    test("every failure was told once", async () => {
      const runs = (await listener.told())
        .map(({ alert }) => alert)
        .filter(({ kind, source }) => kind === "problem" && source !== undefined);
      const keys = runs.map(({ run, dedupeKey }) => `${run} ${dedupeKey}`);
      expect(keys).toEqual([...new Set(keys)]);
    });
  });
}

/**
 * Apart from the others, because every source's backup calls this function: no schedule may fire
 * meanwhile.
 */
export function hangSuite(cloud: () => TestCloud): void {
  describe("a function that hangs", () => {
    test("runs out of time; no named retry helps, so it is told", async () => {
      const listener = await listenToAlerts(cloud());
      const { clients } = cloud();
      const FunctionName = `${stackName}-plan`;
      const { Timeout, Environment } = await clients.lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
      // An AWS service that never answers.
      await using silence = await startSlack("hang");
      const Variables = { ...Environment?.Variables, AWS_ENDPOINT_URL: silence.url };
      await clients.lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Timeout: 3, Environment: { Variables } }));
      try {
        const run = await execute(cloud(), "backup", { source: "billing", kind: "full" });
        expect(run).toMatchObject({ status: "FAILED", error: "Sandbox.Timedout" });
        const { alert } = await listener.expectTold("the function whose time ran out", ({ run: of }) => of === run.arn);
        expect(alert).toMatchObject({ source: "billing", why: { class: "Sandbox.Timedout" } });
      } finally {
        await clients.lambda.send(
          new UpdateFunctionConfigurationCommand({
            FunctionName,
            Timeout,
            Environment: { Variables: Environment?.Variables ?? {} },
          }),
        );
      }
    });
  });
}

/** A session that holds billing's table until it is released: whoever dumps it waits. */
async function lockInvoices({ postgres }: TestCloud["local"]): Promise<AsyncDisposable & { release(): Promise<void> }> {
  const name = "holds-the-table";
  const sessions = `from pg_stat_activity where application_name = '${name}'`;
  const holding = `begin; set application_name = '${name}'; lock table invoices in access exclusive mode; select pg_sleep(3600)`;
  // Its session ends with an error, when it is ended.
  const held = postgres.sql(holding, "billing").catch(() => undefined);
  const isSleeping = async () => (await postgres.sql(`select count(*) ${sessions} and wait_event = 'PgSleep'`)).trim() === "1";
  await waitFor("the lock on the table", isSleeping, 300_000);
  const release = async (): Promise<void> => {
    await postgres.sql(`select pg_terminate_backend(pid) ${sessions}`);
    await held;
  };
  return { release, [Symbol.asyncDispose]: release };
}

/** Whether the function `start` said that it was asked for this execution once more. */
async function wasRepeated({ clients: { logs } }: TestCloud, execution: string): Promise<boolean> {
  const { events = [] } = await logs.send(new FilterLogEventsCommand({ logGroupName: `/aws/lambda/${stackName}-start` }));
  return events.some(({ message = "" }) => message.includes("repeated one") && message.includes(execution));
}

/**
 * Versions and locks keep the bytes, but not from somebody with the account's root: the newest
 * version has one bit turned.
 */
async function corrupt(cloud: TestCloud, prefix: string): Promise<void> {
  const key = (await keysIn(cloud, prefix)).find((each) => each.includes("archive")) ?? "";
  const bytes = await readObject(cloud, key);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  // The bucket's policy takes no overwriting, but a marker hides what is there.
  await cloud.clients.s3.send(new DeleteObjectCommand({ Bucket: vaultBucket, Key: key }));
  await cloud.clients.s3.send(new PutObjectCommand({ Bucket: vaultBucket, Key: key, Body: bytes, IfNoneMatch: "*" }));
}
