/**
 * Bundles the command line into dist/, which is what the npm package holds instead of the sources.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { projectDirectory } from "./cache-directory.ts";

const out = join(projectDirectory, "dist");

rmSync(out, { recursive: true, force: true });
await build({
  absWorkingDir: projectDirectory,
  entryPoints: ["src/cli/main.ts"],
  outdir: "dist",
  outbase: "src",
  bundle: true,
  // Commands are loaded when they are called: what dynamic imports name stays in files of its own.
  splitting: true,
  chunkNames: "chunks/[name]-[hash]",
  format: "esm",
  platform: "node",
  target: "node24",
  packages: "external",
  sourcemap: "linked",
  sourcesContent: false,
  logLevel: "warning",
});
