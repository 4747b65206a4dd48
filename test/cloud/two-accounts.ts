/**
 * Two accounts in a local cloud: one owns a vault (serverless.vault.yml), the stack of the other
 * backs up into it.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InvokeCommand } from "@aws-sdk/client-lambda";
import { CreateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { account, deployStack, deployVaultStack, region, removeStack } from "../../scripts/cloud-stack.ts";
import { startMiniStack } from "../support/ministack.ts";
import { startPostgres } from "../support/postgres-server.ts";
import { type Clients, clientsAt } from "./cloud.ts";
import type { Emulator } from "./emulator.ts";

export const owner = "222222222222";
export const vaultBucket = "acme-backups";

const key = (name: string): string => `"arn:aws:kms:${region}:${owner}:alias/${name}"`;
const source = (retention: string): string =>
  `{ engine: postgres, connection: secret:shop/db, backup: { full: "0 0 1 1 *" }, retention: ${retention} }`;

/** Two sources of one small database: `shop` is locked for a week, `brief` for a minute. */
export const policyText = `version: 1
timezone: UTC
vaults:
  main: { type: s3, bucket: ${vaultBucket}, region: ${region}, lock: governance, state: "s3://${vaultBucket}-state" }
keys:
  main: { type: kms, keyId: ${key("acme-backups")}, signing: { key: ${key("acme-signing")} } }
sources:
  shop: ${source("{ daily: 7 }")}
  brief: ${source("{ keepWithin: 1m, minAge: none }")}
`;

export interface TwoAccounts extends AsyncDisposable, Emulator {
  /** Of the vault's account. */
  readonly owners: Clients;
  deploy(): Promise<void>;
  remove(): Promise<void>;
  /** Calls the function that prunes, in the vault's account. */
  prune(name: string): Promise<unknown>;
}

/** Starts both, and deploys the vault; `deskRole` of the first account may read from a desk. */
export async function startTwoAccounts(deskRole: string): Promise<TwoAccounts> {
  await using stack = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), "holdfast-two-accounts-"));
  stack.defer(() => rmSync(directory, { recursive: true, force: true }));
  const policy = join(directory, "holdfast.yml");
  writeFileSync(policy, policyText);
  const server = await startMiniStack({ corrected: true, enforceIam: true, waitScale: 0.02 });
  stack.defer(() => server.stop());
  const clients = clientsAt(server.endpoint);
  const owners = clientsAt(server.endpoint, { accessKeyId: owner, secretAccessKey: "test" });
  stack.defer(() => {
    for (const client of [...Object.values(clients), ...Object.values(owners)]) client.destroy();
  });
  const postgres = stack.use(await startPostgres({ major: 17 }));
  await postgres.sql("create database shop");
  await postgres.sql("create table invoices as select i as id, i * 37 as cents from generate_series(1, 500) as i", "shop");
  const { host, port, user: username, password } = postgres;
  const connection = JSON.stringify({ engine: "postgres", host, port, username, password, dbname: "shop" });
  await clients.secrets.send(new CreateSecretCommand({ Name: "shop/db", SecretString: connection }));
  const options = { endpoint: server.endpoint, policy, directory, majors: [17] };
  await deployVaultStack({ ...options, owner, reader: `arn:aws:iam::${account}:role/${deskRole}` });
  const parts = stack.move();
  return {
    endpoint: server.endpoint,
    clients,
    owners,
    deploy: () => deployStack({ ...options, vault: "foreign" }),
    remove: () => removeStack({ ...options, vault: "foreign" }),
    async prune(name) {
      const command = new InvokeCommand({
        FunctionName: "holdfast-vault-local-prune",
        Payload: JSON.stringify({ source: name }),
      });
      return JSON.parse(Buffer.from((await owners.lambda.send(command)).Payload ?? []).toString());
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
