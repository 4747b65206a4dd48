/**
 * Bundles functions as `serverless package` does (infra/esbuild.yml is the one place for its
 * settings), for the tools' image, the tests and the bench.
 *   node scripts/bundle-functions.ts OUT NAME...
 */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type BuildOptions, build } from "esbuild";
import { parse } from "yaml";

export interface Bundle {
  readonly name: string;
  /** The module that Lambda loads: `<directory>/<name>.mjs`. */
  readonly file: string;
  readonly bytes: number;
}

const project = join(import.meta.dirname, "..");

/** Options of serverless-esbuild's own, which esbuild does not take. */
const pluginOptions = ["outputFileExtension", "keepOutputDirectory", "exclude"];

/**
 * Bundles `functions/<name>.ts`, each into one module in `directory`. Errors: esbuild's, naming
 * file and line.
 */
export function bundleFunctions(names: readonly string[], directory: string): Promise<Bundle[]> {
  return bundleModules(new Map(names.map((name) => [name, join(project, "functions", `${name}.ts`)])), directory);
}

/**
 * Bundles modules as functions of these names. Nothing is shared between them, but all are read
 * once.
 */
export async function bundleModules(entries: ReadonlyMap<string, string>, directory: string): Promise<Bundle[]> {
  const settings = parse(readFileSync(join(project, "infra/esbuild.yml"), "utf8")) as Record<string, unknown>;
  const options = Object.fromEntries(Object.entries(settings).filter(([key]) => !pluginOptions.includes(key))) as BuildOptions;
  const extension = String(settings["outputFileExtension"]);
  await build({
    ...options,
    absWorkingDir: project,
    entryPoints: Object.fromEntries(entries),
    outdir: directory,
    outExtension: { ".js": extension },
  });
  return [...entries.keys()].map((name) => {
    const file = join(directory, `${name}${extension}`);
    return { name, file, bytes: statSync(file).size };
  });
}

if (import.meta.main) {
  const [directory, ...names] = process.argv.slice(2);
  if (directory === undefined || names.length === 0) throw new Error("usage: bundle-functions.ts OUT NAME...");
  for (const { file, bytes } of await bundleFunctions(names, directory)) console.log(`${file}  ${bytes} bytes`);
}
