/** A restore that a person starts, into a new database, compared with the source. */
import { InvokeCommand } from "@aws-sdk/client-lambda";
import { beforeAll, describe, expect, test } from "vitest";
import { stackName } from "../../../scripts/cloud-stack.ts";
import { type Listener, listenToAlerts } from "../alerts.ts";
import type { TestCloud } from "../cloud.ts";
import { execute } from "../executions.ts";
import { readObject } from "../vault.ts";

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

    test("does not bring back whom the application has erased since", async () => {
      const Payload = JSON.stringify({
        source: "shop-eu",
        id: "request-7",
        reason: "GDPR Art. 17",
        targets: [{ table: "public.invoices", key: { customer: "customer shop-eu 7" } }],
      });
      const add = async () => {
        const { FunctionError, Payload: answer } = await cloud().clients.lambda.send(
          new InvokeCommand({ FunctionName: `${stackName}-erase-add`, Payload }),
        );
        return { FunctionError, ...JSON.parse(Buffer.from(answer ?? []).toString("utf8")) };
      };
      const answer = { FunctionError: undefined, source: "shop-eu", id: "request-7", number: 1 };
      expect(await add()).toMatchObject({ ...answer, repeated: false });
      expect(await add()).toMatchObject({ ...answer, repeated: true });
      const entry = (await readObject(cloud(), "erasures/shop-eu/0000000001.json")).toString("utf8");
      for (const word of ["customer", "GDPR"]) expect(entry).not.toContain(word);
      const run = await execute(cloud(), "restore", { ...request, to: "shop_freed" });
      expect(run).toMatchObject({ status: "SUCCEEDED" });
      const left = "select count(*), count(*) filter (where id = 7) from invoices";
      expect(await cloud().local.postgres.sql(left, "shop_freed")).toBe("4999|0");
    });

    test("overwrites nothing", async () => {
      const run = await execute(cloud(), "restore", request);
      expect(run).toMatchObject({ status: "FAILED", error: "RestoreRefused" });
      await listener.expectTold("the refusal", ({ run: of, why }) => of === run.arn && why.class === "RestoreRefused");
    });
  });
}
