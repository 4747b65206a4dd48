/**
 * The stack as osls packages it: the template that CloudFormation would get, and the size of every
 * package.
 */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { layerFileName } from "../../infra/tools.ts";
import { cacheDirectory, projectDirectory } from "../../scripts/cache-directory.ts";
import { type RunResult, run } from "../support/processes.ts";
import { joinTemplates } from "./join-templates.ts";
import { namesOf, propertiesOf, type Template } from "./template-model.ts";

export interface PackageRequest {
  readonly stage: "dev" | "prod" | "local";
  /** Default: the templates' own, test/infra/holdfast.yml. */
  readonly policy?: string;
  /** Beside the policy. An image is given for stages that need one; undefined takes it away. */
  readonly parameters?: Readonly<Record<string, string | undefined>>;
  /** A zip of PostgreSQL's programs, laid where `npm run layer` writes it. */
  readonly layer?: string;
  /** Stands in for serverless.yml. */
  readonly configuration?: string;
  /** Options of the Node that osls runs on. */
  readonly nodeOptions?: string;
}

export interface PackagedStack {
  /**
   * The root's template and those of the nested stacks, by the logical id, as files in a directory
   * that the caller removes with `remove`.
   */
  readonly files: Readonly<Record<string, string>>;
  readonly templates: Readonly<Record<string, Template>>;
  /** All of them as one, with each parameter of a nested stack replaced by what it is given. */
  readonly template: Template;
  /** What CloudFormation puts on every resource that takes tags. */
  readonly stackTags: Readonly<Record<string, string>>;
  /** What else osls will ask of CloudFormation, as `provider` has it. */
  readonly provider: {
    readonly deletionProtection?: boolean | null;
    readonly stackPolicy?: readonly { readonly Effect: string }[];
  };
  /** Bytes of every zip by the function's key. */
  readonly zips: Readonly<Record<string, number>>;
  remove(): void;
}

export const region = "eu-central-1";
export const samplePolicy = join(projectDirectory, "test/infra/holdfast.yml");
const image = `123456789012.dkr.ecr.${region}.amazonaws.com/holdfast@sha256:${"a1".repeat(32)}`;

/** A package takes seconds, of 200 sources a minute; a busy machine takes its time. */
const oslsMs = 1_200_000;
/** What osls reads of the project; it takes no link for a file. */
const files = ["serverless.yml", "package.json", "tsconfig.json"];
const directories = ["infra", "functions", "statemachines", "src", "node_modules"];

/** Packages the stack. Errors: a plain Error with osls's own words. */
export async function packageStack(request: PackageRequest): Promise<PackagedStack> {
  const directory = mkdtempSync(join(tmpdir(), "hf-package-"));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  const { code, stdout, stderr } = await runPackaging(request, directory);
  if (code !== 0) {
    remove();
    throw new Error(`osls package ended with ${code}:\n${stdout}\n${stderr}`);
  }
  const file = join(directory, "cloudformation-template-update-stack.json");
  const root = JSON.parse(readFileSync(file, "utf8")) as Template;
  const files = Object.fromEntries(
    namesOf(root, "AWS::CloudFormation::Stack").map((stack) => [stack, join(directory, fileOfNested(root, stack))]),
  );
  const nested = Object.fromEntries(
    Object.entries(files).map(([stack, name]) => [stack, JSON.parse(readFileSync(name, "utf8")) as Template]),
  );
  const provider = readProvider(join(directory, "serverless-state.json"));
  const zips = readdirSync(directory).filter((name) => name.endsWith(".zip"));
  return {
    files: { root: file, ...files },
    templates: { root, ...nested },
    template: joinTemplates(root, nested),
    stackTags: provider.stackTags,
    provider,
    zips: Object.fromEntries(zips.map((name) => [name.slice(0, -".zip".length), statSync(join(directory, name)).size])),
    remove,
  };
}

/** The file that the URL of a nested stack's template ends with. */
function fileOfNested(root: Template, stack: string): string {
  return basename(String(propertiesOf(root, stack)["TemplateURL"]));
}

/** As osls will give them to CloudFormation. */
function readProvider(stateFile: string) {
  const { service } = JSON.parse(readFileSync(stateFile, "utf8")) as {
    service: { provider: PackagedStack["provider"] & { readonly stackTags: PackagedStack["stackTags"] } };
  };
  return service.provider;
}

/**
 * Runs `osls package` in a directory of its own, for osls and its plugins leave files where they
 * work. `output`: where the package is put.
 */
export async function runPackaging(request: PackageRequest, output: string): Promise<RunResult> {
  const { stage, policy = samplePolicy, configuration, nodeOptions = "" } = request;
  const directory = mkdtempSync(join(tmpdir(), "hf-osls-"));
  try {
    for (const file of files) copyFileSync(join(projectDirectory, file), join(directory, file));
    for (const name of directories) symlinkSync(join(projectDirectory, name), join(directory, name));
    if (request.layer !== undefined) {
      copyFileSync(request.layer, join(directory, layerFileName("arm64")));
      copyFileSync(`${request.layer}.sha256`, join(directory, `${layerFileName("arm64")}.sha256`));
    }
    if (configuration !== undefined) writeFileSync(join(directory, "serverless.yml"), configuration);
    const parameters = { policy: resolve(policy), ...(stage === "local" ? {} : { image }), ...request.parameters };
    const given = Object.entries(parameters).flatMap(([name, value]) => (value === undefined ? [] : [`--param=${name}=${value}`]));
    const args = ["package", "--stage", stage, "--region", region, "--package", output, ...given];
    return await run(join(projectDirectory, "node_modules/.bin/osls"), args, {
      cwd: directory,
      timeoutMs: oslsMs,
      env: {
        PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
        HOME: directory,
        TMPDIR: directory,
        NODE_OPTIONS: nodeOptions,
        // Its own would be in a directory that is new each time.
        NODE_COMPILE_CACHE: join(cacheDirectory(), "compile"),
        SLS_TELEMETRY_DISABLED: "1",
        SLS_NOTIFICATIONS_MODE: "off",
      },
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
