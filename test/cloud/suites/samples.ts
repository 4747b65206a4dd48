/**
 * The sample inputs of events/ are what the machines take: each is started with its own, as
 * docs/start-by-hand.md shows.
 */
import { describe, expect, test } from "vitest";
import { countSampleRows } from "../../../demo/sample-data.ts";
import { readEvent } from "../../statemachines/machines.ts";
import type { TestCloud } from "../cloud.ts";
import { execute } from "../executions.ts";

export function samplesSuite(cloud: () => TestCloud): void {
  describe("the sample inputs", () => {
    // In this order: the later ones need a backup.
    test.each(["backup", "restore-test", "verify", "restore", "fleet"])("events/machines/%s.json", async (machine) => {
      const run = await execute(cloud(), machine, readEvent("machines", machine));
      expect(run).toMatchObject({ status: "SUCCEEDED", error: "" });
    });

    test("the restored database has every row", async () => {
      const { postgres } = cloud().local;
      expect(await countSampleRows(postgres, "taskmaster_restored")).toBe(await countSampleRows(postgres, "taskmaster"));
    });
  });
}
