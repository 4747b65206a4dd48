/** The stack of a vault in a second account, as osls packages it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectDirectory } from "../../../scripts/cache-directory.ts";
import { lintTemplates } from "../../../scripts/cfn-lint.ts";
import { foreignPolicyText } from "../../infra/deployments.ts";
import { describeResources, describeRights } from "../../infra/describe-resources.ts";
import { type PackagedStack, packageStack, region, runPackaging } from "../../infra/package-stack.ts";

const configuration = readFileSync(join(projectDirectory, "serverless.vault.yml"), "utf8");
const directory = mkdtempSync(join(tmpdir(), "hf-vault-stack-"));
const policy = join(directory, "holdfast.yml");
const stacks = "arn:aws:iam::111111111111:role/holdfast-dev/eu-central-1";
let stack: PackagedStack;

beforeAll(async () => {
  writeFileSync(policy, foreignPolicyText.replaceAll("eu-west-1", region));
  stack = await packageStack({ stage: "dev", policy, configuration, parameters: { image: undefined, stacks } });
}, 450_000);

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
  stack?.remove();
});

describe("the packaged stack of a vault", () => {
  it("leaves nothing for cfn-lint to find", () => {
    expect(lintTemplates(Object.values(stack.files), region)).toBe("");
  }, 900_000);

  it("makes what the reviewed list says, with the rights that it says", async () => {
    await expect(describeResources(stack.template)).toMatchFileSnapshot("../../infra/resources.vault.txt");
    await expect(describeRights(stack.template)).toMatchFileSnapshot("../../infra/rights.vault.txt");
    expect(stack.stackTags).toEqual({ holdfast: "dev" });
    expect(Object.keys(stack.zips)).toEqual(["prune"]);
  });

  it("is not packaged without a stack that uses it: what to give is said in one sentence", async () => {
    const output = mkdtempSync(join(tmpdir(), "hf-package-"));
    try {
      const { code, stdout, stderr } = await runPackaging(
        { stage: "dev", policy, configuration, parameters: { image: undefined } },
        output,
      );
      expect(code).not.toBe(0);
      expect(`${stdout}${stderr}`).toContain("Give --param=stacks=arn:aws:iam::ACCOUNT:role/holdfast-STAGE/REGION");
      expect(`${stdout}${stderr}`).not.toMatch(/\n\s+at /);
    } finally {
      rmSync(output, { recursive: true, force: true });
    }
  }, 450_000);
});
