/** The property of test/pipeline/accidents.test.ts, far longer. */
import { expect, test } from "vitest";
import { runAccident } from "../pipeline/accidents.ts";

test("the backups from before an accident stay as long as the policy promises: 20,000 histories", () => {
  for (let seed = 1_000_001; seed <= 1_020_000; seed++) {
    const { broken, retention } = runAccident(seed);
    expect(broken, `seed ${seed}, ${JSON.stringify(retention)}`).toBeUndefined();
  }
});
