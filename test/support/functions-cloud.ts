/**
 * What the functions of a stack find in the cloud, on a MiniStack: a bucket, a KMS key, the
 * source's secret, and the policy.
 */
import { CreateAliasCommand, CreateKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import { CreateBucketCommand, DeleteObjectsCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { startMiniStack } from "./ministack.ts";

export interface FunctionsCloud extends AsyncDisposable {
  readonly endpoint: string;
  /** A function's environment, as infra/functions.ts and Lambda make it. */
  environment(options: FunctionEnvironment): NodeJS.ProcessEnv;
  /** What functions found of the source's backups and handed over, as text. */
  findings(source: string): Promise<string>;
  /** Removes all that is in the vault. */
  empty(): Promise<void>;
}

export interface FunctionEnvironment {
  /** Default: /tmp, as in Lambda. */
  readonly temporary?: string;
  /** Directories of PostgreSQL's programs. */
  readonly toolPath: string;
  readonly memoryMegabytes?: number;
}

const region = "eu-central-1";
const bucket = "holdfast-vault";
const access = { accessKeyId: "test", secretAccessKey: "testtest" };

/** `connections`: each source's name and connection URL. */
export async function startFunctionsCloud(connections: Readonly<Record<string, string>>): Promise<FunctionsCloud> {
  const server = await startMiniStack();
  const settings = { endpoint: server.endpoint, region, credentials: access };
  const s3 = new S3Client({ ...settings, forcePathStyle: true });
  const kms = new KMSClient(settings);
  const secrets = new SecretsManagerClient(settings);
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const key = await kms.send(new CreateKeyCommand({}));
  await kms.send(new CreateAliasCommand({ AliasName: "alias/holdfast", TargetKeyId: key.KeyMetadata?.KeyId }));
  const signing = await kms.send(new CreateKeyCommand({ KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" }));
  await kms.send(new CreateAliasCommand({ AliasName: "alias/holdfast-signing", TargetKeyId: signing.KeyMetadata?.KeyId }));
  const create = (name: string, text: string) => secrets.send(new CreateSecretCommand({ Name: name, SecretString: text }));
  const names = Object.keys(connections);
  for (const name of names) await create(`${name}/db`, connections[name] ?? "");
  await create("holdfast/policy", policyText(names));
  for (const client of [kms, secrets]) client.destroy();
  return {
    endpoint: server.endpoint,
    environment: ({ temporary, toolPath, memoryMegabytes = 3_008 }) => ({
      PATH: "/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin",
      LANG: "en_US.UTF-8",
      TZ: ":UTC",
      LAMBDA_TASK_ROOT: "/var/task",
      LAMBDA_RUNTIME_DIR: "/var/runtime",
      AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
      AWS_LAMBDA_FUNCTION_NAME: "holdfast-test",
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMegabytes),
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      AWS_ACCESS_KEY_ID: access.accessKeyId,
      AWS_SECRET_ACCESS_KEY: access.secretAccessKey,
      AWS_ENDPOINT_URL: server.endpoint,
      HOLDFAST_POLICY: "secret:holdfast/policy",
      HOLDFAST_RESOURCE_PREFIX: "holdfast-test",
      HOLDFAST_SOURCE_ROLES: "arn:aws:iam::123456789012:role/holdfast-test/eu-central-1",
      HOLDFAST_STATE_BUCKET: bucket,
      HOLDFAST_STATE_PREFIX: "state/",
      HOLDFAST_PG_PATH: toolPath,
      POWERTOOLS_SERVICE_NAME: "holdfast",
      POWERTOOLS_METRICS_NAMESPACE: "Holdfast",
      POWERTOOLS_LOG_LEVEL: "INFO",
      POWERTOOLS_TRACE_ENABLED: "false",
      ...(temporary === undefined ? {} : { HOLDFAST_TMPDIR: temporary }),
    }),
    async findings(source) {
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: `state/unsigned/${source}/` }));
      const answers = Contents.map(({ Key }) => s3.send(new GetObjectCommand({ Bucket: bucket, Key })));
      return (await Promise.all(answers.map(async (answer) => (await answer).Body?.transformToString()))).join("\n");
    },
    async empty() {
      for (;;) {
        const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket }));
        if (Contents.length === 0) return;
        await s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: Contents.map(({ Key }) => ({ Key })) } }));
      }
    },
    async [Symbol.asyncDispose]() {
      s3.destroy();
      await server.stop();
    },
  };
}

function policyText(sources: readonly string[]): string {
  return [
    "version: 1",
    `vaults: { main: "s3://${bucket}" }`,
    "keys: { main: { type: kms, keyId: alias/holdfast, signing: { key: alias/holdfast-signing } } }",
    "sources:",
    ...sources.map(
      (name) => `  ${name}: { engine: postgres, connection: { secret: ${name}/db }, retention: { keepLast: 3, minAge: none } }`,
    ),
    "",
  ].join("\n");
}
