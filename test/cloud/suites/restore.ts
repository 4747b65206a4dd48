/** A restore that a person starts, into a new database, compared with the source. */
import { beforeAll, describe, expect, test } from "vitest";
import { type Listener, listenToAlerts } from "../alerts.ts";
import type { TestCloud } from "../cloud.ts";
import { execute } from "../executions.ts";

export function restoreSuite(cloud: () => TestCloud): void {
  describe("a restore by hand", () => {
    let listener: Listener;
    const request = { source: "shop-eu", backup: "latest", to: "shop_restored", requestedBy: "ops@example.com" };
    beforeAll(async () => {
      listener = await listenToAlerts(cloud());
      expect((await execute(cloud(), "backup", { source: "shop-eu", kind: "full" })).status).toBe("SUCCEEDED");
    });

    test("makes a new database with the same content, and is told to everybody", async () => {
      const { postgres } = cloud().local;
      const run = await execute(cloud(), "restore", request);
      expect(run).toMatchObject({ status: "SUCCEEDED", output: { source: "shop-eu" } });
      const content = "select count(*), md5(string_agg(i::text, ',' order by id)) from invoices i";
      expect(await postgres.sql(content, "shop_restored")).toBe(await postgres.sql(content, "shop-eu"));
      expect(await postgres.sql(content, "shop_restored")).toMatch(/^5000\|/);
      for (const news of ["restore started", "restore done"]) {
        const { topic, alert } = await listener.expectTold(news, ({ run: of, why }) => of === run.arn && why.class === news);
        expect(topic).toBe(alert.severity);
        expect(alert.why.message).toContain("ops@example.com");
      }
    });

    test("overwrites nothing", async () => {
      const run = await execute(cloud(), "restore", request);
      expect(run).toMatchObject({ status: "FAILED", error: "RestoreRefused" });
      await listener.expectTold("the refusal", ({ run: of, why }) => of === run.arn && why.class === "RestoreRefused");
    });
  });
}
