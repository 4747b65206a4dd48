/**
 * What checkov finds in the whole template; its installation is large, so that it is not in
 * `npm test`.
 */
import { expect, test } from "vitest";
import { runCheckov, unanswered } from "../../scripts/checkov.ts";
import { packageStack } from "../infra/package-stack.ts";

test.each(["dev", "prod"] as const)(
  "every finding of checkov in %s is answered",
  async (stage) => {
    const stack = await packageStack({ stage, parameters: { trail: "on" } });
    try {
      const findings = runCheckov(Object.values(stack.files));
      expect(findings.length).toBeGreaterThan(0);
      expect(unanswered(findings)).toEqual([]);
    } finally {
      stack.remove();
    }
  },
  1_800_000,
);
