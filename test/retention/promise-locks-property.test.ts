/**
 * The locks that prunes promise, over months of them. Apart from the examples, because each history
 * takes a second.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Retention } from "../../src/policy/policy.ts";
import { planRetention, type RetentionBackup } from "../../src/retention/plan-retention.ts";
import { promiseLocks } from "../../src/retention/promise-locks.ts";
import { shortestKept } from "../../src/retention/shortest-kept.ts";
import { backupAt, dayMs, hourMs, policyOf, zones } from "./histories.ts";

/**
 * The newest are promised in steps, so that not every prune extends every lock: a quarter of the
 * shortest time, of a week at most.
 */
it("locks that a prune promises end hardly later than daily backups and prunes to come would keep the backup", () => {
  const rules = fc.record(
    {
      daily: fc.integer({ min: 1, max: 20 }),
      weekly: fc.integer({ min: 1, max: 6 }),
      monthly: fc.integer({ min: 1, max: 4 }),
    },
    { requiredKeys: ["daily"] },
  );
  fc.assert(
    fc.property(rules, fc.constantFrom(...zones), fc.integer({ min: 0, max: 400 }), (rule, timezone, offset) => {
      const first = Date.parse("2026-01-01T02:00:00Z") + offset * dayMs;
      const retention = policyOf(rule as Partial<Retention>);
      const stepMs = Math.min(7 * dayMs, shortestKept(retention, "full") * 1000) / 4;
      const promised = new Map<string, number>();
      let held: RetentionBackup[] = [];
      for (let day = 0; day < 90; day += 1) {
        held = [...held, backupAt(first + day * dayMs)];
        const moment = { now: new Date(first + day * dayMs + hourMs), timezone };
        const plan = planRetention(held, retention, moment);
        for (const id of plan.released) expect(promised.get(id) ?? 0).toBeLessThanOrEqual(moment.now.getTime() + stepMs);
        for (const [id, until] of promiseLocks(held, plan, retention, moment)) promised.set(id, until.getTime());
        held = held.filter(({ id }) => !plan.released.includes(id));
      }
    }),
    { numRuns: 60 },
  );
});
