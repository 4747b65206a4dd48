/**
 * `npm run prove-on-aws` against the local cloud, with the AWS command line of PyPI: that it does
 * what it says, as far as an emulator carries. There is no RDS, no layer and no other region there.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { CreateRoleCommand, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { AssumeRoleCommand } from "@aws-sdk/client-sts";
import { expect, test } from "vitest";
import { projectDirectory } from "../../scripts/cache-directory.ts";
import { account, region, rootEnvironment } from "../../scripts/cloud-stack.ts";
import { ensurePostgres } from "../../scripts/postgres-binaries.ts";
import { ensurePythonProgram } from "../../scripts/python-environment.ts";
import { startMiniStack } from "../support/ministack.ts";
import { startPostgres } from "../support/postgres-server.ts";
import { run } from "../support/processes.ts";
import { clientsAt } from "./cloud.ts";
import { allowing } from "./emulator.ts";

const commandLine = { name: "awscli", version: "1.46.2", module: "awscli" };

/**
 * \`aws\`: pip's own script names the place where it was installed first. Version 1 has addresses
 * of its own for queues, unless the command itself names one: the environment's does not count
 * there. What asks S3 does so as an administrator: the emulator lets an account's root, as whom
 * osls deploys, pass by every bucket's policy.
 */
function writeAws(directory: string, administrator: Readonly<Record<string, string>>): void {
  const path = join(directory, "aws");
  const program = `${ensurePythonProgram(commandLine)} -m awscli`;
  const own = Object.entries(administrator).map(([name, value]) => `export ${name}='${value}'`);
  const lines = ["#!/bin/sh", `if [ "$1" = s3api ]; then`, ...own, "fi", `exec ${program} --endpoint-url "$AWS_ENDPOINT_URL" "$@"`];
  writeFileSync(path, `${lines.join("\n")}\n`);
  chmodSync(path, 0o755);
}

/** The credentials of an administrator's session. */
async function becomeAdministrator(endpoint: string): Promise<Record<string, string>> {
  await using stack = new AsyncDisposableStack();
  const { iam, sts, ...others } = clientsAt(endpoint);
  stack.defer(() => Object.values({ iam, sts, ...others }).forEach((client) => void client.destroy()));
  const RoleName = "administrator";
  const trust = allowing({ Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: "sts:AssumeRole" });
  await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust }));
  const PolicyDocument = allowing({ Action: "*", Resource: "*" });
  await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: "all", PolicyDocument }));
  const RoleArn = `arn:aws:iam::${account}:role/${RoleName}`;
  const { Credentials } = await sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "prover" }));
  return {
    AWS_ACCESS_KEY_ID: Credentials?.AccessKeyId ?? "",
    AWS_SECRET_ACCESS_KEY: Credentials?.SecretAccessKey ?? "",
    AWS_SESSION_TOKEN: Credentials?.SessionToken ?? "",
  };
}

test("a proof on the local cloud shows everything, and leaves nothing", async () => {
  await using stack = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), "hf-prove-"));
  stack.defer(() => rmSync(directory, { recursive: true, force: true }));
  const { binDir } = await ensurePostgres(17);
  const ministack = await startMiniStack({ corrected: true, enforceIam: true, waitScale: 0.02 });
  stack.defer(() => ministack.stop());
  writeAws(directory, await becomeAdministrator(ministack.endpoint));
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
      ...rootEnvironment(ministack.endpoint),
    },
  });
  expect(result.code, `${result.stdout}\n${result.stderr}`).toBe(0);
  expect(result.stdout).toMatch(/^Shown\.$/m);
});
