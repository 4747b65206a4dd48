/**
 * A deployment with the layer, in the local cloud: published by osls from the file that `npm run
 * layer` wrote, had by the functions as /opt, and nothing else there has PostgreSQL's programs:
 * down to a proven backup by the stack's own machines. Root alone can mount a layer.
 */
import { GetFunctionConfigurationCommand, GetLayerVersionByArnCommand } from "@aws-sdk/client-lambda";
import { expect, test } from "vitest";
import { ensureLayer } from "../../scripts/layer/ensure-layer.ts";
import { lambdaArchitectures, type Processor } from "../../scripts/layer/processor.ts";
import { startTestCloud } from "../cloud/cloud.ts";
import { execute } from "../cloud/executions.ts";

test("a stack whose functions have the layer dumps, verifies and proves", async () => {
  const architecture = lambdaArchitectures[process.arch as Processor];
  await using cloud = await startTestCloud({ layer: ensureLayer() });
  const { lambda } = cloud.clients;
  const configurationOf = (name: string) =>
    lambda.send(new GetFunctionConfigurationCommand({ FunctionName: `holdfast-local-${name}` }));

  const dump = await configurationOf("dump-billing");
  const [layer] = dump.Layers ?? [];
  expect(layer?.Arn).toMatch(/:layer:holdfast-local-tools:1$/);
  expect(dump.Architectures).toEqual([architecture]);
  expect(dump.Environment?.Variables).toMatchObject({ LOCPATH: "/opt/share/locale", HOLDFAST_PG_PATH: "" });
  expect((await configurationOf("prove-billing")).Layers).toEqual(dump.Layers);
  expect((await configurationOf("plan")).Layers ?? []).toEqual([]);
  const published = await lambda.send(new GetLayerVersionByArnCommand({ Arn: layer?.Arn }));
  expect(published).toMatchObject({ CompatibleArchitectures: [architecture], CompatibleRuntimes: ["nodejs24.x"] });

  const backup = await execute(cloud, "backup", { source: "billing", kind: "full" });
  expect(backup).toMatchObject({ status: "SUCCEEDED", output: { source: "billing", outcome: "verified" } });
  const proof = await execute(cloud, "restore-test", { source: "billing" });
  expect(proof).toMatchObject({ status: "SUCCEEDED", output: { source: "billing", outcome: "proven" } });
});
