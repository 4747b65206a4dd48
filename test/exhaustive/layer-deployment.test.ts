/**
 * A deployment with the layer, in the local cloud: published by osls from the file that `npm run
 * layer` wrote, had by the functions as /opt, and nothing else there has PostgreSQL's programs:
 * down to a proven backup by the stack's own machines. Root alone can mount a layer.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GetFunctionConfigurationCommand, GetLayerVersionByArnCommand } from "@aws-sdk/client-lambda";
import { expect, test } from "vitest";
import { ensureLayer } from "../../scripts/layer/ensure-layer.ts";
import { lambdaArchitectures, type Processor } from "../../scripts/layer/processor.ts";
import { startLocalCloud } from "../../scripts/local-cloud.ts";
import { clientsAt } from "../cloud/cloud.ts";
import { execute } from "../cloud/executions.ts";
import { startSlack } from "../support/slack-server.ts";

/**
 * Nothing of it fires while the test runs. Lambda forbids the namespaces of a sandbox; functions
 * of the emulator could make one.
 */
const policy = `version: 1
vaults: { main: "s3://acme-layered" }
keys: { main: { type: kms, keyId: alias/acme-layered, signing: { key: alias/acme-layered-signing } } }
sources:
  billing:
    engine: postgres
    connection: secret:billing/db
    backup: { full: "2 0 1 1 *" }
    retention: { daily: 7 }
    restoreTest: { schedule: "2 0 2 1 *", sandbox: none }
alerts: { critical: [slack:secret/slack-webhook] }
`;

test("a stack whose functions have the layer dumps, verifies and proves", async () => {
  await using stack = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), "hf-layered-"));
  stack.defer(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, "holdfast.yml");
  writeFileSync(file, policy);
  const slack = stack.use(await startSlack());
  const cloud = stack.use(
    await startLocalCloud({
      policy: file,
      webhook: slack.url,
      layer: ensureLayer(),
      onStep: (step) => console.log(`cloud: ${step}`),
      fill: async (server, source) => {
        await server.sql(`create database "${source}"`);
        await server.sql("create table invoices as select i as id from generate_series(1, 5000) i", source);
      },
    }),
  );
  const clients = clientsAt(cloud.ministack.endpoint);
  stack.defer(() => {
    for (const client of Object.values(clients)) client.destroy();
  });
  const configurationOf = (name: string) =>
    clients.lambda.send(new GetFunctionConfigurationCommand({ FunctionName: `holdfast-local-${name}` }));

  const architecture = lambdaArchitectures[process.arch as Processor];
  const dump = await configurationOf("dump-billing");
  const [layer] = dump.Layers ?? [];
  expect(layer?.Arn).toMatch(/:layer:holdfast-local-tools:1$/);
  expect(dump.Architectures).toEqual([architecture]);
  expect(dump.Environment?.Variables).toMatchObject({ LOCPATH: "/opt/share/locale", HOLDFAST_PG_PATH: "" });
  expect((await configurationOf("prove-billing")).Layers).toEqual(dump.Layers);
  expect((await configurationOf("plan")).Layers ?? []).toEqual([]);
  const published = await clients.lambda.send(new GetLayerVersionByArnCommand({ Arn: layer?.Arn }));
  expect(published).toMatchObject({ CompatibleArchitectures: [architecture], CompatibleRuntimes: ["nodejs24.x"] });

  const backup = await execute({ clients }, "backup", { source: "billing", kind: "full" });
  expect(backup).toMatchObject({ status: "SUCCEEDED" });
  const proof = await execute({ clients }, "restore-test", { source: "billing" });
  console.log(JSON.stringify([backup.output, proof.output]));
  expect(JSON.stringify(proof.output)).toContain('"proven"');
  expect(proof).toMatchObject({ status: "SUCCEEDED" });
});
