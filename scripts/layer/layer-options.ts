/** What a layer is built for. */
import { parseArgs } from "node:util";

/** Node's name of the processor. */
export type Processor = "x64" | "arm64";

/** AWS's name of the processor, which the layer and its functions share. */
export const lambdaArchitectures: Readonly<Record<Processor, "x86_64" | "arm64">> = { x64: "x86_64", arm64: "arm64" };

export interface LayerOptions {
  readonly processor: Processor;
  /** Of PostgreSQL, beyond its own: `vector`, `postgis`, … */
  readonly extensions: readonly string[];
  /** `all` languages, or those of the `common` orders alone, which need 90 MB less. */
  readonly locales: "all" | "common";
  /** Further files, such as a certificate authority's; each in `/opt`, under its own name. */
  readonly add: readonly string[];
  /** Where the zip is written. */
  readonly out: string;
}

const usage =
  "npm run layer -- [--arch arm64|x86_64] [--extension NAME]... [--locales all|common] [--add FILE]... [--out DIRECTORY]";

/** The command line's options. Errors: a plain Error with the usage. */
export function readLayerOptions(args: readonly string[]): LayerOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      arch: { type: "string", default: "arm64" },
      extension: { type: "string", multiple: true, default: [] },
      locales: { type: "string", default: "all" },
      add: { type: "string", multiple: true, default: [] },
      out: { type: "string", default: "." },
    },
  });
  const processor = (Object.keys(lambdaArchitectures) as Processor[]).find((name) => lambdaArchitectures[name] === values.arch);
  if (processor === undefined) throw new Error(`--arch is "${values.arch}"\nusage: ${usage}`);
  if (values.locales !== "all" && values.locales !== "common") throw new Error(`--locales is "${values.locales}"\nusage: ${usage}`);
  const wrong = values.extension.find((name) => !/^[a-z][a-z0-9_-]*$/.test(name));
  if (wrong !== undefined) throw new Error(`--extension is "${wrong}", not an extension's name\nusage: ${usage}`);
  return {
    processor,
    extensions: [...new Set(values.extension)].toSorted(),
    locales: values.locales,
    add: values.add,
    out: values.out,
  };
}
