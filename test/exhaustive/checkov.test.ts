/**
 * What checkov finds in the whole template; its installation is large, so that it is not in
 * `npm test`.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectDirectory } from "../../scripts/cache-directory.ts";
import { runCheckov, unanswered } from "../../scripts/checkov.ts";
import { inAnotherAccount, samplePolicyText } from "../infra/deployments.ts";
import { type PackagedStack, packageStack, region } from "../infra/package-stack.ts";

/** The stack that owns a vault for others, and the one that uses it. */
async function packageInTwoAccounts(which: "owner" | "user"): Promise<PackagedStack> {
  const directory = mkdtempSync(join(tmpdir(), "hf-checkov-"));
  try {
    const policy = join(directory, "holdfast.yml");
    writeFileSync(policy, inAnotherAccount(samplePolicyText).replaceAll("eu-west-1", region));
    if (which === "user") return await packageStack({ stage: "prod", policy, parameters: { vault: "foreign" } });
    const configuration = readFileSync(join(projectDirectory, "serverless.vault.yml"), "utf8");
    const stacks = "arn:aws:iam::111111111111:role/holdfast-prod/eu-central-1";
    return await packageStack({ stage: "prod", policy, configuration, parameters: { image: undefined, stacks, trail: "on" } });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test.each([
  ["dev", () => packageStack({ stage: "dev", parameters: { trail: "on" } })],
  ["prod", () => packageStack({ stage: "prod", parameters: { trail: "on" } })],
  ["the owner of a vault", () => packageInTwoAccounts("owner")],
  ["a stack with another account's vault", () => packageInTwoAccounts("user")],
] as const)(
  "every finding of checkov in %s is answered",
  async (_what, make) => {
    const stack = await make();
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
