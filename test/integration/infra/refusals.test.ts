import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectDirectory } from "../../../scripts/cache-directory.ts";
import { samplePolicyText, withSources } from "../../infra/deployments.ts";
import { type PackageRequest, packageStack, runPackaging } from "../../infra/package-stack.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "hf-refusals-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function policyFile(text: string): string {
  const file = join(directory, "holdfast.yml");
  writeFileSync(file, text);
  return file;
}

/** What osls says when it refuses, without its own heading. */
async function refusalOf(request: PackageRequest): Promise<string> {
  const { code, stdout, stderr } = await runPackaging(request, join(directory, "package"));
  expect(code).toBe(1);
  return `${stdout}${stderr}`;
}

describe("packaging", () => {
  it("says once what a policy has that cannot be deployed, and what to do, without a stack trace", async () => {
    const policy = policyFile(samplePolicyText.replace("secret:one/db", "env:DATABASE_URL"));
    const said = await refusalOf({ stage: "dev", policy });
    expect(said.match(/a secret of source "db-1" is in env:/g)).toHaveLength(1);
    expect(said).toContain("Deploy a policy with s3:// vaults");
    expect(said).not.toMatch(/^\s+at /m);
  });

  it("names the file, the line and the key of a policy that is wrong", async () => {
    const policy = policyFile(samplePolicyText.replace("tier: critical", "tier: vital"));
    const said = await refusalOf({ stage: "dev", policy });
    expect(said).toMatch(/holdfast\.yml:\d+:\d+: sources\.taskmaster\.tier/);
    expect(said).not.toMatch(/^\s+at /m);
  });

  it("says which command makes PostgreSQL's programs, where there is neither a layer nor an image", async () => {
    const said = await refusalOf({ stage: "prod", parameters: { image: undefined } });
    expect(said.match(/this directory has no holdfast-tools-arm64\.zip/g)).toHaveLength(1);
    expect(said).toContain("Build them with `npm run layer`");
  });

  it("says which Node it needs and how to get it, where osls runs on an old one, and shows no stack", async () => {
    const old = join(directory, "node-20.cjs");
    writeFileSync(old, `Object.defineProperty(process.versions, "node", { value: "20.19.0" });`);
    // An old Node does not read TypeScript either.
    const said = await refusalOf({ stage: "dev", nodeOptions: `--no-strip-types --require=${old}` });
    expect(said.match(/Holdfast's stack needs Node 24, and osls runs on Node 20\.19\.0/g)).toHaveLength(1);
    expect(said).toContain("npm run osls -- package");
    expect(said).not.toMatch(/^\s+at |ERR_UNKNOWN_FILE_EXTENSION/m);
  });

  it("refuses more sources than a stack holds, and says how to divide them", async () => {
    const policy = policyFile(withSources(Array.from({ length: 60 }, (_, index) => `source-${index}`)));
    const said = await refusalOf({ stage: "dev", policy });
    expect(said).toMatch(/63 sources make \d+ resources, and CloudFormation takes 500/);
    expect(said).toContain("each with a stage of its own");
  });

  it.each([
    ["at the top", "service: holdfast", "servcie: holdfast\nservice: holdfast", "servcie"],
    ["of a function's settings", "  tracing:\n    lambda: true", "  tracing:\n    lamdba: true", "lamdba"],
  ])("fails for a misspelt key %s of serverless.yml", async (_, right, wrong, named) => {
    const configuration = readFileSync(join(projectDirectory, "serverless.yml"), "utf8").replace(right, wrong);
    const said = await refusalOf({ stage: "dev", configuration });
    expect(said).toMatch(/Configuration error/);
    expect(said).toContain(named);
  });
});

describe("a stack of many sources", () => {
  it("stays within what CloudFormation and IAM take", async () => {
    const policy = policyFile(withSources(Array.from({ length: 22 }, (_, index) => `customer-${index}-of-the-shop`)));
    const stack = await packageStack({ stage: "dev", policy });
    try {
      expect(Object.keys(stack.template.Resources).length).toBeLessThanOrEqual(500);
      // What osls uploads has no white space in it; CloudFormation takes 1 MB from S3.
      expect(JSON.stringify(stack.template).length).toBeLessThan(1_000_000);
      for (const [name, { Type, Properties }] of Object.entries(stack.template.Resources)) {
        // IAM's most for the inline policies of a role; references are longer than most of what
        // they stand for.
        if (Type === "AWS::IAM::Role") expect(JSON.stringify(Properties?.["Policies"]).length, name).toBeLessThan(10_240);
      }
    } finally {
      stack.remove();
    }
  });
});
