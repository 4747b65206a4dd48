/**
 * Handlers called as Lambda calls them, in this process, on a policy, a key and a vault of the
 * test's own.
 */
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Context } from "aws-lambda";
import { createKeyFile } from "../../src/sealing/key-file.ts";
import { requireErrorDocument } from "../support/error-documents.ts";

export interface FunctionsProject extends AsyncDisposable {
  readonly directory: string;
  /** Where invocations make their directories. */
  readonly temporary: string;
  /** Directories that invocations have left in their temporary directory. */
  leftovers(): Promise<string[]>;
  /**
   * Gives the policy a further source, `name: { … }`, under a new place: functions read a policy
   * once.
   */
  addSource(text: string): Promise<void>;
}

/**
 * A source `tree` of files, as small as a source can be, and the environment that names its policy.
 */
export async function createFunctionsProject(): Promise<FunctionsProject> {
  const directory = await mkdtemp(join(tmpdir(), "hf-functions-"));
  const temporary = join(directory, "tmp");
  await mkdir(temporary);
  await mkdir(join(directory, "tree"));
  await writeFile(join(directory, "tree", "file"), "content");
  await createKeyFile(join(directory, "main.key"), { randomBytes: (count) => Buffer.alloc(count, 7), now: new Date(0) });
  const source = `{ engine: files, path: ${join(directory, "tree")}, retention: { keepLast: 1, maxRemoval: 100%, minAge: none } }`;
  const policy = [
    "version: 1",
    `vaults: { main: "folder:${join(directory, "vault")}" }`,
    `keys: { main: "file:${join(directory, "main.key")}" }`,
    `sources: { tree: ${source}, other: ${source} }`,
  ];
  const policyFile = join(directory, "holdfast.yml");
  await writeFile(policyFile, `${policy.join("\n")}\n`);
  const before = { ...process.env };
  Object.assign(process.env, {
    HOLDFAST_POLICY: `file:${policyFile}`,
    HOLDFAST_TMPDIR: temporary,
    HOLDFAST_RESOURCE_PREFIX: "holdfast-test",
    HOLDFAST_SOURCE_ROLES: "arn:aws:iam::123456789012:role/holdfast-test/eu-central-1",
    HOLDFAST_STATE_BUCKET: join(directory, "state"),
    POWERTOOLS_TRACE_ENABLED: "false",
  });
  return {
    directory,
    temporary,
    leftovers: () => readdir(temporary),
    async addSource(text) {
      const file = join(directory, "further.yml");
      await writeFile(file, `${policy.join("\n").replace("sources: {", `sources: { ${text},`)}\n`);
      process.env["HOLDFAST_POLICY"] = `file:${file}`;
    },
    async [Symbol.asyncDispose]() {
      for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export function lambdaContext(remainingMs = 60_000): Context {
  return {
    callbackWaitsForEmptyEventLoop: false,
    functionName: "holdfast-test",
    functionVersion: "$LATEST",
    invokedFunctionArn: "arn:aws:lambda:eu-central-1:123456789012:function:holdfast-test",
    memoryLimitInMB: "512",
    awsRequestId: "request-1",
    logGroupName: "/aws/lambda/holdfast-test",
    logStreamName: "stream-1",
    getRemainingTimeInMillis: () => remainingMs,
    done: () => undefined,
    fail: () => undefined,
    succeed: () => undefined,
  };
}

type Handler = (event: unknown, context: Context) => Promise<unknown>;

/** Calls a handler and gives its result, as JSON would carry it. Rejects as the handler does. */
export async function invoke(handler: unknown, event: unknown, context = lambdaContext()): Promise<Record<string, unknown>> {
  try {
    return JSON.parse(JSON.stringify(await (handler as Handler)(event, context)));
  } catch (error) {
    // Whatever a test looks for: a function fails with its error's class as the name, and the error
    // in JSON as the message.
    const { name, message } = error as Error;
    if (requireErrorDocument(JSON.parse(message)).class !== name) throw new Error(`${name} says that it is another: ${message}`);
    throw error;
  }
}
