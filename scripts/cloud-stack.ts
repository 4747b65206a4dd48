/** The real stack, packaged by osls and deployed to a local cloud. */
import { copyFileSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { run } from "../test/support/processes.ts";
import { cacheDirectory, projectDirectory } from "./cache-directory.ts";
import { lambdaArchitectures, type Processor } from "./layer/processor.ts";
import { ensurePostgres } from "./postgres-binaries.ts";

export interface StackOptions {
  /** The local cloud's address. */
  readonly endpoint: string;
  /** The policy's file. */
  readonly policy: string;
  /**
   * `existing` takes over the vault that an earlier stack left, `foreign` uses that of another
   * account; default: `create`.
   */
  readonly vault?: "create" | "existing" | "foreign";
  /** Where osls may work. */
  readonly directory: string;
  /** Majors of PostgreSQL whose programs the functions find. */
  readonly majors: readonly number[];
  /**
   * The zip of PostgreSQL's programs for this machine's processor: the functions have it as /opt,
   * and no others. Root alone can mount it there. Default: the programs of `majors`.
   */
  readonly layer?: string | undefined;
  /** Is given what osls does, as it begins: `CREATE_COMPLETE - AWS::S3::Bucket - AuditBucket`. */
  readonly onLine?: (line: string) => void;
}

export const region = "eu-central-1";
export const account = "000000000000";
const stage = "local";
export const stackName = `holdfast-${stage}`;

/** A package is written in half a minute, and a busy machine takes its time. */
const oslsMs = 1_800_000;
/** What osls reads of the project; it takes no link for a file. */
const files = ["serverless.yml", "serverless.vault.yml", "package.json", "tsconfig.json"];
const directories = ["infra", "functions", "statemachines", "src", "node_modules"];

/**
 * How every AWS client reaches the local cloud as an account's root; default: the account of the
 * stack that backs up. Each other account's root has the account's number for an access key.
 */
export function rootEnvironment(endpoint: string, accessKey = "test"): Readonly<Record<string, string>> {
  return { AWS_ENDPOINT_URL: endpoint, AWS_REGION: region, AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: "test" };
}

/**
 * Packages the stack of this checkout and deploys it. Errors: a plain Error with osls's own words.
 */
export async function deployStack(options: StackOptions): Promise<void> {
  const parameters = {
    policy: resolve(options.policy),
    vault: options.vault ?? "create",
    ...(options.layer === undefined ? { toolPath: await toolPathOf(options.majors) } : layerParameters(options.layer)),
    events: "own",
  };
  await runOsls("deploy", options, parameters);
}

/** The stack that owns a vault for others, in an account of its own. */
export interface VaultStackOptions extends Omit<StackOptions, "majors"> {
  readonly vault?: "create" | "existing";
  /** Whose it is. */
  readonly owner: string;
  /** The role of the other account that reads the vault from a desk. */
  readonly reader: string;
}

/**
 * Packages the stack that owns a vault, and deploys it, for the use of the stack that backs up.
 * Errors: a plain Error with osls's own words.
 */
export async function deployVaultStack(options: VaultStackOptions): Promise<void> {
  const stacks = `arn:aws:iam::${account}:role/${stackName}/${region}`;
  const { reader: readers, vault = "create" } = options;
  const parameters = { policy: resolve(options.policy), vault, stacks, readers, mail: "vault@example.com" };
  const configuration = ["--config", "serverless.vault.yml"];
  await runOsls("deploy", options, parameters, rootEnvironment(options.endpoint, options.owner), configuration);
}

async function toolPathOf(majors: readonly number[]): Promise<string> {
  return (await Promise.all(majors.map(async (major) => (await ensurePostgres(major)).binDir))).join(delimiter);
}

const layerParameters = (layer: string) => ({
  layer,
  architecture: lambdaArchitectures[process.arch as Processor],
});

/** Deletes the stack; what it retains stays. Errors: a plain Error with osls's own words. */
export async function removeStack(options: StackOptions): Promise<void> {
  await runOsls("remove", options, { policy: resolve(options.policy), vault: options.vault ?? "create" });
}

/**
 * What `osls preflight` says of the local cloud, whose quotas are answered for at `quotas`. Errors:
 * a plain Error with osls's own words, where the account is not ready.
 */
export function preflightStack(options: StackOptions & { readonly quotas: string }): Promise<string> {
  const env = { AWS_ENDPOINT_URL_SERVICE_QUOTAS: options.quotas };
  return runOsls("preflight", options, { policy: resolve(options.policy), vault: options.vault ?? "create" }, env);
}

/**
 * In a directory of its own, for osls and its plugins leave files where they work, and others may
 * be at work in the checkout.
 */
async function runOsls(
  command: string,
  options: Omit<StackOptions, "majors">,
  parameters: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>> = {},
  more: readonly string[] = [],
): Promise<string> {
  const directory = mkdtempSync(join(options.directory, "osls-"));
  try {
    for (const file of files) copyFileSync(join(projectDirectory, file), join(directory, file));
    for (const name of directories) symlinkSync(join(projectDirectory, name), join(directory, name));
    const given = [...more, ...Object.entries(parameters).map(([name, value]) => `--param=${name}=${value}`)];
    const result = await run(join(projectDirectory, "node_modules/.bin/osls"), [command, "--stage", stage, "--verbose", ...given], {
      cwd: directory,
      timeoutMs: oslsMs,
      onLine: (line) => options.onLine?.(line.trim()),
      env: {
        PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
        HOME: directory,
        TMPDIR: directory,
        // Its own would be in a directory that is new each time.
        NODE_COMPILE_CACHE: join(cacheDirectory(), "compile"),
        SLS_TELEMETRY_DISABLED: "1",
        SLS_NOTIFICATIONS_MODE: "off",
        ...rootEnvironment(options.endpoint),
        ...environment,
      },
    });
    if (result.code === 0) return result.stdout;
    const how = result.timedOut ? `took longer than ${oslsMs / 1000} s` : `ended with ${result.code ?? result.signal}`;
    throw new Error(`osls ${command} ${how}:\n${`${result.stdout}\n${result.stderr}`.trim()}`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
