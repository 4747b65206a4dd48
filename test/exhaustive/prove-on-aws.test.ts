/**
 * `npm run prove-on-aws` against the local cloud, with the AWS command line of PyPI: that it does
 * what it says, as far as an emulator carries. There is no RDS, no layer and no other region there.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { expect, test } from "vitest";
import { projectDirectory } from "../../scripts/cache-directory.ts";
import { region, rootEnvironment } from "../../scripts/cloud-stack.ts";
import { ensurePostgres } from "../../scripts/postgres-binaries.ts";
import { ensurePythonProgram } from "../../scripts/python-environment.ts";
import { startMiniStack } from "../support/ministack.ts";
import { startPostgres } from "../support/postgres-server.ts";
import { run } from "../support/processes.ts";

const commandLine = { name: "awscli", version: "1.46.2", module: "awscli" };

/** \`aws\`: pip's own script names the place where it was installed first. */
function writeAws(directory: string): void {
  const path = join(directory, "aws");
  writeFileSync(path, `#!/bin/sh\nexec ${ensurePythonProgram(commandLine)} -m awscli "$@"\n`);
  chmodSync(path, 0o755);
}

test("a proof on the local cloud shows everything, and leaves nothing", async () => {
  await using stack = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), "hf-prove-"));
  stack.defer(() => rmSync(directory, { recursive: true, force: true }));
  writeAws(directory);
  const { binDir } = await ensurePostgres(17);
  const ministack = await startMiniStack({ corrected: true, enforceIam: true, waitScale: 0.02 });
  stack.defer(() => ministack.stop());
  const postgres = stack.use(await startPostgres({ major: 17 }));
  await postgres.sql('create database "shop"');
  await postgres.sql("create table orders as select i as id from generate_series(1, 1000) i", "shop");
  const secrets = new SecretsManagerClient({
    endpoint: ministack.endpoint,
    region,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  stack.defer(() => secrets.destroy());
  const { host, port, user: username, password } = postgres;
  const SecretString = JSON.stringify({ engine: "postgres", host, port, username, password, dbname: "shop" });
  await secrets.send(new CreateSecretCommand({ Name: "local/shop", SecretString }));
  const args = ["--yes", "--stage", "local", "--connection", "local/shop", "--param", `toolPath=${binDir}`];
  const result = await run(process.execPath, ["scripts/prove-on-aws/prove-on-aws.ts", ...args], {
    cwd: projectDirectory,
    timeoutMs: 3_600_000,
    onLine: (line) => console.log(line),
    env: {
      PATH: [directory, dirname(process.execPath), process.env["PATH"]].join(delimiter),
      HOME: directory,
      TMPDIR: directory,
      SLS_TELEMETRY_DISABLED: "1",
      SLS_NOTIFICATIONS_MODE: "off",
      // Version 1 of the command line has an address of its own for queues, whatever it is told.
      BOTO_DISABLE_COMMONNAME: "true",
      ...rootEnvironment(ministack.endpoint),
    },
  });
  expect(result.code, `${result.stdout}\n${result.stderr}`).toBe(0);
  expect(result.stdout).toMatch(/^Shown\.$/m);
});
