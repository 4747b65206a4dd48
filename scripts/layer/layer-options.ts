/** What a layer is built for. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { ExtensionRequest } from "./extensions.ts";
import { readPolicyExtensions } from "./policy-extensions.ts";
import { lambdaArchitectures, type Processor } from "./processor.ts";
import { majors } from "./programs.ts";

export interface LayerOptions {
  readonly processor: Processor;
  /** Of PostgreSQL, beyond its own: `vector`, `postgis`, … */
  readonly extensions: readonly ExtensionRequest[];
  /** `all` languages, or those of the `common` orders alone, which need 90 MB less. */
  readonly locales: "all" | "common";
  /** Further files, such as a certificate authority's; each in `/opt`, under its own name. */
  readonly add: readonly string[];
  /** Where the zip is written. */
  readonly out: string;
}

const usage =
  "npm run layer -- [--arch arm64|x86_64] [--policy FILE] [--extension NAME[@MAJOR=DIRECTORY]]... [--locales all|common] [--add FILE]... [--out DIRECTORY]";

/** The command line's options. Errors: a plain Error with the usage. */
export function readLayerOptions(args: readonly string[]): LayerOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      arch: { type: "string", default: "arm64" },
      policy: { type: "string", default: "" },
      extension: { type: "string", multiple: true, default: [] },
      locales: { type: "string", default: "all" },
      add: { type: "string", multiple: true, default: [] },
      out: { type: "string", default: "." },
    },
  });
  const processor = (Object.keys(lambdaArchitectures) as Processor[]).find((name) => lambdaArchitectures[name] === values.arch);
  if (processor === undefined) throw new Error(`--arch is "${values.arch}"\nusage: ${usage}`);
  if (values.locales !== "all" && values.locales !== "common") throw new Error(`--locales is "${values.locales}"\nusage: ${usage}`);
  const given = values.extension.map(readExtension);
  // Those of the policy that will be deployed come without being asked for.
  const policy = values.policy === "" && existsSync(defaultPolicy) ? defaultPolicy : values.policy;
  const ofPolicy = policy === "" ? [] : readPolicyExtensions(policy);
  const missing = ofPolicy.filter((name) => !given.some((each) => each.name === name));
  return {
    processor,
    extensions: [...given, ...missing.map((name) => ({ name }))].toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    locales: values.locales,
    add: values.add,
    out: values.out,
  };
}

/** As serverless.yml names it. */
const defaultPolicy = "holdfast.yml";

/** `vector`, or `vector@16=/where/it/was/installed`. Errors: a plain Error with the usage. */
function readExtension(text: string): ExtensionRequest {
  const [, name = "", major, directory] = /^([a-z][a-z0-9_-]*)(?:@(\d+)=(.+))?$/.exec(text) ?? [];
  if (name === "") throw new Error(`--extension is "${text}", not an extension's name\nusage: ${usage}`);
  if (major === undefined || directory === undefined) return { name };
  if (!majors.includes(Number(major))) throw new Error(`--extension ${text}: the layer has PostgreSQL ${majors.join(", ")}`);
  if (!existsSync(directory)) throw new Error(`--extension ${text}: there is no directory ${directory}`);
  return { name, tree: { major: Number(major), directory: resolve(directory) } };
}
