import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { managedSizes, maxManagedCharacters, maxPolicyCharacters, policySizes } from "../../../infra/policy-size.ts";
import type { Resources } from "../../../infra/template.ts";
import { projectDirectory } from "../../../scripts/cache-directory.ts";
import { samplePolicyText, withSources } from "../../infra/deployments.ts";
import { type PackageRequest, packageStack, runPackaging } from "../../infra/package-stack.ts";
import { mayEver, namesOf, propertiesOf, statementsOf } from "../../infra/template-model.ts";

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

  it("refuses more sources than the stacks hold, and says how to divide them", async () => {
    const policy = policyFile(withSources(Array.from({ length: 700 }, (_, index) => `source-${index}`)));
    const said = await refusalOf({ stage: "dev", policy });
    expect(said).toMatch(/703 sources make \d+ resources in one of 9 stacks, and CloudFormation takes 500/);
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

describe("a deployment of 200 sources", () => {
  it("stays within what CloudFormation, IAM and CloudWatch take, in every one of its stacks", async () => {
    const names = Array.from({ length: 197 }, (_, index) => `customer-${index}-of-the-shop`);
    const targets = names.map((name) => `  restore-${name}: secret:restore/${name}`).join("\n");
    const policy = policyFile(withSources(names).replace("alerts:\n", `restoreTargets:\n${targets}\nalerts:\n`));
    const began = Date.now();
    const stack = await packageStack({ stage: "dev", policy });
    const seconds = Math.round((Date.now() - began) / 1000);
    try {
      const figures = Object.entries(stack.templates).map(([name, { Resources, Parameters = {} }]) => ({
        stack: name,
        resources: Object.keys(Resources).length,
        parameters: Object.keys(Parameters).length,
        bytes: JSON.stringify(stack.templates[name]).length,
      }));
      const roles = namesOf(stack.template, "AWS::IAM::Role").length;
      const own = figures.reduce((sum, { stack: name, resources }) => (name === "root" ? sum : sum + resources), 0);
      console.log(JSON.stringify({ seconds, roles, aSource: own / 200, figures }, null, 1));
      // AWS CloudFormation quotas: resources, template body in S3, parameters.
      for (const { stack: name, resources, bytes, parameters } of figures) {
        expect(resources, name).toBeLessThan(500);
        expect(bytes, name).toBeLessThan(1_000_000);
        expect(parameters, name).toBeLessThan(200);
      }
      expect(figures).toHaveLength(9);
      const resources = stack.template.Resources as Resources;
      for (const [name, size] of policySizes(resources)) expect(size, name).toBeLessThan(maxPolicyCharacters);
      const managed = managedSizes(resources);
      for (const [name, size] of managed) expect(size, name).toBeLessThan(maxManagedCharacters);
      // IAM and AWS STS quotas: managed policies attached to a role, and roles of an account.
      for (const [role, count] of attachedTo(resources)) expect(count, role).toBeLessThanOrEqual(10);
      expect(roles).toBeLessThan(500);
      for (const source of [...names, "taskmaster"]) {
        const key = secretArn(source === "taskmaster" ? "taskmaster/db" : `${source}/db`);
        expect(mayEver(statementsOf(stack.template, "RestoreRole"), "secretsmanager:GetSecretValue", key), source).toBe(true);
      }
      const boards = namesOf(stack.template, "AWS::CloudWatch::Dashboard").map((name) => propertiesOf(stack.template, name));
      for (const { DashboardBody } of boards) expect(JSON.parse(String(DashboardBody)).widgets.length).toBeLessThan(500);
    } finally {
      stack.remove();
    }
  }, 1_500_000);
});

/** How many managed policies of the stack each of its roles has. */
function attachedTo(resources: Resources): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { Type, Properties } of Object.values(resources)) {
    if (Type !== "AWS::IAM::ManagedPolicy") continue;
    for (const role of (Properties?.["Roles"] ?? []) as readonly { Ref?: string }[]) {
      const name = JSON.stringify(role);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  expect(counts.size).toBeGreaterThan(0);
  return counts;
}

const secretArn = (name: string): string => `arn:aws:secretsmanager:eu-central-1:123456789012:secret:${name}-AbCdEf`;
