/** The limit of locks that another account may ask for: above everything that a prune promises. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { maxPromisedDays } from "../../../infra/vault-owner/max-promise.ts";
import { planRetention } from "../../../src/retention/plan-retention.ts";
import { promiseLocks } from "../../../src/retention/promise-locks.ts";
import { arbitraryHistory, arbitraryNow, arbitraryRules, dayMs, policyOf, zones } from "../../retention/histories.ts";

it("is never less than any promise of a prune, whatever the policy and the history", () => {
  let promised = 0;
  const cases = fc.tuple(arbitraryNow, arbitraryRules, fc.constantFrom(...zones)).chain(([nowMs, rules, timezone]) =>
    fc.record({
      nowMs: fc.constant(nowMs),
      rules: fc.constant(rules),
      timezone: fc.constant(timezone),
      history: arbitraryHistory(nowMs),
    }),
  );
  fc.assert(
    fc.property(cases, ({ nowMs, rules, timezone, history }) => {
      const retention = policyOf(rules);
      const moment = { now: new Date(nowMs), timezone };
      const maxMs = nowMs + maxPromisedDays(retention) * dayMs;
      for (const [id, until] of promiseLocks(history, planRetention(history, retention, moment), retention, moment)) {
        promised += 1;
        expect(until.getTime(), id).toBeLessThanOrEqual(maxMs);
      }
    }),
    { numRuns: 300 },
  );
  expect(promised).toBeGreaterThan(100);
});
