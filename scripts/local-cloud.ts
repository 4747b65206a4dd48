/**
 * The local cloud: MiniStack with its corrections and IAM enforced, a PostgreSQL source, and the
 * real stack. For `npm run cloud` and test/cloud.
 */
import { chmodSync, mkdtempSync, readFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { CreateSecretCommand, PutSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { allChannels } from "../src/alerts/route.ts";
import { parsePolicy } from "../src/policy/parse-policy.ts";
import type { Policy } from "../src/policy/policy.ts";
import { type MiniStackServer, startMiniStack } from "../test/support/ministack.ts";
import { type PostgresServer, startPostgres } from "../test/support/postgres-server.ts";
import { startSupervisor } from "../test/support/supervisor.ts";
import { bundleFunctions } from "./bundle-functions.ts";
import { deployStack, region, removeStack } from "./cloud-stack.ts";

export interface LocalCloudOptions {
  /** The policy's file; every connection and webhook in it stands in Secrets Manager. */
  readonly policy: string;
  readonly port?: number;
  /** Pauses between retries of state machines are multiplied by this; default: 1. */
  readonly waitScale?: number;
  /** Where the policy's Slack messages go. */
  readonly webhook: string;
  /** Makes and fills a source's database, which has the source's name. */
  readonly fill: (server: PostgresServer, source: string) => Promise<void>;
  /** The layer's zip; default: functions find this machine's own programs. */
  readonly layer?: string;
  /** Told of each step as it begins. */
  readonly onStep?: (step: string) => void;
  /** Told what the step is doing. */
  readonly onDetail?: (detail: string) => void;
}

export interface LocalCloud extends AsyncDisposable {
  readonly ministack: MiniStackServer;
  readonly postgres: PostgresServer;
  readonly policy: Policy;
  /** Writes a secret, a new one or a new value. */
  putSecret(id: string, value: string): Promise<void>;
  /** The secret that a source's connection stands in, as RDS writes it. */
  connectionSecret(source: string, change?: Readonly<Record<string, unknown>>): string;
  deploy(vault: "create" | "existing"): Promise<void>;
  remove(vault: "create" | "existing"): Promise<void>;
}

/** The sources' server, and the only PostgreSQL whose programs the functions find. */
const major = 17;

/** $1: where osls works, whose processes would go on and write there. */
const supervisorScript = `
  for process in /proc/[0-9]*; do
    case "$(readlink "$process/cwd")" in "$1"/*) kill -KILL "\${process#/proc/}" ;; esac
  done
  rm -rf "$1" || { sleep 1; rm -rf "$1"; }`;

/**
 * Starts all of it and deploys; everything is gone at `dispose`, or when this process ends, however
 * it ends. Errors: a plain Error with the tools' own words; PolicyInvalid.
 */
export async function startLocalCloud(options: LocalCloudOptions): Promise<LocalCloud> {
  const { port, waitScale, layer, onStep: say = () => undefined, onDetail: onLine = () => undefined } = options;
  const file = resolve(options.policy);
  const policy = parsePolicy(readFileSync(file, "utf8"), options.policy, { directory: dirname(file), home: homedir() });
  const stack = new AsyncDisposableStack();
  try {
    const work = mkdtempSync(join(tmpdir(), "holdfast-cloud-"));
    const supervisor = startSupervisor(supervisorScript, [work]);
    stack.defer(() => supervisor.dismiss());
    chmodSync(work, 0o755); // containers run as a user of their own
    say("bundling the functions");
    const tasks = join(work, "tasks");
    await bundleFunctions(["fargate"], tasks);
    say("starting MiniStack, the local AWS (the first time, it is installed)");
    const ministack = await startMiniStack({
      corrected: true,
      enforceIam: true,
      tasks,
      ...(port === undefined ? {} : { port }),
      ...(waitScale === undefined ? {} : { waitScale }),
    });
    stack.defer(() => ministack.stop());
    say(`starting PostgreSQL ${major}, the source`);
    const postgres = stack.use(await startPostgres({ major }));
    const secrets = new SecretsManagerClient({
      endpoint: ministack.endpoint,
      region,
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    });
    stack.defer(() => secrets.destroy());
    const connectionSecret = describeConnection(postgres);
    const putSecret = (id: string, value: string): Promise<void> => writeSecret(secrets, id, value);
    for (const [id, source] of connectionsOf(policy)) {
      say(`filling the database ${source}`);
      await options.fill(postgres, source);
      await putSecret(id, connectionSecret(source));
    }
    for (const id of webhooksOf(policy)) await putSecret(id, options.webhook);
    const stackOptions = { endpoint: ministack.endpoint, policy: file, majors: [major], layer, directory: work, onLine };
    const deploy: LocalCloud["deploy"] = (vault) => deployStack({ ...stackOptions, vault });
    say("packaging and deploying the stack");
    await deploy("create");
    const parts = stack.move();
    return {
      ministack,
      postgres,
      policy,
      putSecret,
      connectionSecret,
      deploy,
      remove: (vault) => removeStack({ ...stackOptions, vault }),
      [Symbol.asyncDispose]: () => parts.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

function describeConnection({ host, port, user: username, password }: PostgresServer): LocalCloud["connectionSecret"] {
  return (source, change = {}) => JSON.stringify({ engine: "postgres", host, port, username, password, dbname: source, ...change });
}

function connectionsOf({ sources }: Policy): readonly (readonly [string, string])[] {
  return Object.values(sources).flatMap((source) =>
    source.secrets.flatMap((secret) => (secret.from === "secret" ? [[secret.id, source.name] as const] : [])),
  );
}

function webhooksOf({ alerts }: Policy): readonly string[] {
  const ids = allChannels(alerts).flatMap(({ channel }) =>
    channel.type === "slack" && channel.webhook.from === "secret" ? [channel.webhook.id] : [],
  );
  return [...new Set(ids)];
}

async function writeSecret(client: SecretsManagerClient, id: string, value: string): Promise<void> {
  try {
    await client.send(new CreateSecretCommand({ Name: id, SecretString: value }));
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "ResourceExistsException") throw error;
    await client.send(new PutSecretValueCommand({ SecretId: id, SecretString: value }));
  }
}
