/** Many sources at once: a Distributed Map, in which one failure does not stop the others. */
import { CreateScheduleCommand, GetScheduleCommand } from "@aws-sdk/client-scheduler";
import { beforeAll, describe, expect, test } from "vitest";
import { stackName } from "../../../scripts/cloud-stack.ts";
import { waitFor } from "../../support/processes.ts";
import { type Listener, listenToAlerts } from "../alerts.ts";
import type { TestCloud } from "../cloud.ts";
import { ended, execute, executionsOf } from "../executions.ts";
import { schedulesOf } from "../schedules.ts";
import { keysIn } from "../vault.ts";

export function fleetSuite(cloud: () => TestCloud): void {
  describe("a fleet", () => {
    let listener: Listener;
    beforeAll(async () => {
      listener = await listenToAlerts(cloud());
    });

    test("four sources, of which one fails: the others have their backups, and the failure is told once", async () => {
      const { local } = cloud();
      const before = await manifestsOf(cloud());
      const earlier = new Set((await executionsOf(cloud(), "backup", "")).map(({ executionArn }) => executionArn));
      await local.putSecret("shop-eu/db", local.connectionSecret("shop-eu", { password: "not-the-password" }));
      try {
        const run = await execute(cloud(), "fleet", { what: "backup" });
        expect(run).toMatchObject({ status: "FAILED", error: "FleetIncomplete" });
        expect(run.cause).toContain("1 of 4 sources failed");
        const after = await manifestsOf(cloud());
        expect(after.taskmaster - before.taskmaster).toBe(1);
        expect(after.billing - before.billing).toBe(1);
        expect(after["shop-eu"]).toBe(before["shop-eu"]);
        const children = (await executionsOf(cloud(), "backup", "")).filter(({ executionArn }) => !earlier.has(executionArn));
        expect(children.map(({ status }) => status).sort()).toEqual(["FAILED", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]);
        const failed = children.find(({ status }) => status === "FAILED");
        const { alert } = await listener.expectTold("the source that failed", ({ run: of }) => of === failed?.executionArn);
        expect(alert).toMatchObject({ source: "shop-eu", why: { class: "SourceAccessDenied" } });
        expect(run.cause).toMatch(/^alerted: /);
        expect((await listener.told()).filter(({ alert: told }) => told.run === run.arn)).toEqual([]);
      } finally {
        await local.putSecret("shop-eu/db", local.connectionSecret("shop-eu"));
      }
    });

    test("a verification of two sources reads every backup of both", async () => {
      const { taskmaster, "shop-eu": shop } = await manifestsOf(cloud());
      const run = await execute(cloud(), "verify", { sources: ["taskmaster", "shop-eu"], olderThanHours: 0 });
      expect(run).toMatchObject({ status: "SUCCEEDED", output: { checked: taskmaster + shop, failed: 0 } });
      expect(taskmaster + shop).toBeGreaterThan(2);
    });

    test("a schedule that two sources share starts a fleet of both", async () => {
      const { scheduler } = cloud().clients;
      const shared = (await schedulesOf(cloud())).filter((name) => name.startsWith("fleet-backup-full-"));
      expect(shared).toHaveLength(1);
      const [Name = ""] = shared;
      const { Target } = await scheduler.send(new GetScheduleCommand({ Name, GroupName: stackName }));
      const at = new Date(Date.now() + 20_000).toISOString().slice(0, 19);
      await scheduler.send(
        new CreateScheduleCommand({
          Name: "shared-once",
          ScheduleExpression: `at(${at})`,
          FlexibleTimeWindow: { Mode: "OFF" },
          Target,
          ActionAfterCompletion: "DELETE",
        }),
      );
      const runs = () => executionsOf(cloud(), "fleet", Name);
      await waitFor("the fleet to start", async () => (await runs()).length > 0, 600_000);
      const run = await ended(cloud(), (await runs())[0]?.executionArn ?? "");
      expect(run).toMatchObject({ status: "SUCCEEDED", output: { sources: 2, failed: 0 } });
    });

    test("restore tests of two sources prove both", async () => {
      const run = await execute(cloud(), "fleet", { what: "restore-test", sources: ["taskmaster", "billing"] });
      expect(run).toMatchObject({ status: "SUCCEEDED", output: { sources: 2, failed: 0 } });
    });
  });
}

async function manifestsOf(cloud: TestCloud) {
  const count = async (source: string): Promise<number> => (await keysIn(cloud, `manifests/${source}/`)).length;
  return { taskmaster: await count("taskmaster"), billing: await count("billing"), "shop-eu": await count("shop-eu") };
}
