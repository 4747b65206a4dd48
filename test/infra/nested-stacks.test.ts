/** The plugin that divides the template, as osls calls it. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

interface Plugin {
  readonly hooks: Readonly<Record<string, () => unknown>>;
}

const require = createRequire(import.meta.url);
const NestedStacks = require("../../infra/nested-stacks.js") as new (serverless: unknown) => Plugin;
const normalize = require("osls/lib/plugins/aws/lib/normalize-files") as {
  normalizeCloudFormationTemplate(template: unknown): unknown;
};
const plain = normalize.normalizeCloudFormationTemplate;

const directory = mkdtempSync(join(tmpdir(), "hf-nested-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** osls's plugin that deploys, with what the bucket has. */
class AwsDeploy {
  readonly #keys: readonly string[];
  constructor(keys: readonly string[]) {
    this.#keys = keys;
  }
  async getMostRecentObjects(): Promise<readonly { readonly Key: string }[]> {
    return this.#keys.map((Key) => ({ Key }));
  }
}

let runs = 0;

/** What osls makes of a deployment in this directory of the bucket, with this alarm of a source. */
async function packaged(deployment: string, Threshold: number) {
  const serviceDir = join(directory, String(++runs));
  mkdirSync(join(serviceDir, ".serverless"), { recursive: true });
  const Code = { S3Bucket: { Ref: "ServerlessDeploymentBucket" }, S3Key: `${deployment}/dump.zip` };
  const Resources = {
    ServerlessDeploymentBucket: { Type: "AWS::S3::Bucket" },
    Dump: { Type: "AWS::Lambda::Function", Properties: { Code } },
    Age: { Type: "AWS::CloudWatch::Alarm", Properties: { Threshold } },
  };
  const provider: { compiledCloudFormationTemplate: { readonly Resources: Readonly<Record<string, unknown>> } } = {
    compiledCloudFormationTemplate: { Resources },
  };
  const deploy = new AwsDeploy([`${deployment}/compiled-cloudformation-template.json`, `${deployment}/nested-stack-sources1.json`]);
  const plugin = new NestedStacks({
    serviceDir,
    getProvider: () => ({}),
    pluginManager: { plugins: [deploy] },
    service: {
      provider,
      package: { artifactDirectoryName: deployment },
      custom: { generated: { sourceStacks: { Dump: "Sources1", Age: "Sources1" } } },
    },
  });
  await plugin.hooks["after:aws:package:finalize:stripNullPropsFromTemplateResources"]?.();
  normalize.normalizeCloudFormationTemplate = plain;
  await plugin.hooks["before:aws:deploy:deploy:checkForChanges"]?.();
  const files = readdirSync(join(serviceDir, ".serverless"));
  const root = provider.compiledCloudFormationTemplate;
  return {
    root,
    files: Object.fromEntries(files.map((name) => [name, readFileSync(join(serviceDir, ".serverless", name), "utf8")])),
    compared: JSON.stringify(normalize.normalizeCloudFormationTemplate(root)),
    listed: (await deploy.getMostRecentObjects()).map(({ Key }) => Key),
  };
}

const bucketUrl = `https://s3.\${AWS::Region}.\${AWS::URLSuffix}/\${ServerlessDeploymentBucket}`;

test("a nested template is a file of the package, at the URL that the root gives, without white space", async () => {
  const { root, files } = await packaged("serverless/holdfast/prod/1-first", 1);
  expect(Object.keys(root.Resources)).toEqual(["ServerlessDeploymentBucket", "Sources1"]);
  expect(root.Resources["Sources1"]).toMatchObject({
    Properties: { TemplateURL: { "Fn::Sub": `${bucketUrl}/serverless/holdfast/prod/1-first/nested-stack-sources1.json` } },
  });
  expect(Object.keys(files)).toEqual(["nested-stack-sources1.json"]);
  const text = files["nested-stack-sources1.json"] ?? "";
  expect(text).toBe(JSON.stringify(JSON.parse(text)));
  expect(Object.keys((JSON.parse(text) as { Resources: object }).Resources)).toEqual(["Dump", "Age"]);
});

test("a deployment that changes nothing is seen as such, whenever it is made; one that changes a nested stack alone is not", async () => {
  const first = await packaged("serverless/holdfast/prod/1-first", 1);
  const same = await packaged("serverless/holdfast/prod/2-second", 1);
  const other = await packaged("serverless/holdfast/prod/3-third", 2);
  expect(same.compared).toBe(first.compared);
  expect(other.compared).not.toBe(first.compared);
  // osls compares digests of what it knows; of nested templates it has none.
  expect(same.listed).toEqual(["serverless/holdfast/prod/2-second/compiled-cloudformation-template.json"]);
});
