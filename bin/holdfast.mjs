#!/usr/bin/env node
/**
 * The `holdfast` command: starts src/cli/main.ts (in a clone) or dist/cli/main.js (installed) under a Node that can run it.
 * On an older Node (20 or later) it hands over to the one that the package `node` brought along.
 */
import { existsSync } from "node:fs";
import * as nodeModule from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { endWithParent } from "./end-with-parent.mjs";

const home = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(home, "src/cli/main.ts");
const built = join(home, "dist/cli/main.js");
// The sources are not in the package: where they stand, this is a clone, and they count, not what was built of them some time ago.
const isClone = existsSync(source);

/** Exit code for a broken installation: the operation failed (docs/operations.md, "Exit codes"). */
const failed = 1;

if (Number.parseInt(process.versions.node, 10) >= 24) await start();
else await startUnderNewerNode();

async function start() {
  if (!(await setUpClone())) return;
  endWithParent();
  nodeModule.enableCompileCache?.(compileCache());
  const { main } = await import(pathToFileURL(isClone ? source : built).href);
  process.exitCode = await main(process.argv.slice(2));
}

async function startUnderNewerNode() {
  if (!(await setUpClone())) return;
  const { findNode, handOver, requiredMajor } = await import("./find-node.mjs");
  const node = findNode();
  if (node !== undefined) return handOver(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { linked: true });
  stop(
    `holdfast needs Node ${requiredMajor}: this is Node ${process.versions.node}, and npm left out the optional package node.\n` +
      `Install Node ${requiredMajor}, or install holdfast again without --omit=optional and --ignore-scripts.`,
  );
}

/** In a clone without node_modules: sets them up first. False when that failed, and was said. */
async function setUpClone() {
  if (!isClone || existsSync(join(home, "node_modules"))) return true;
  const { setUp } = await import("../scripts/with-node.mjs");
  const problem = setUp(home);
  if (problem !== undefined) stop(problem);
  return problem === undefined;
}

/** Compiled code from the last run, for a fast start; never in a directory that others can write to. A cache that cannot be kept is no error. */
function compileCache() {
  return isClone ? join(home, ".cache/compile") : join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "holdfast/compile");
}

function stop(message) {
  process.stderr.write(`${message}\n`);
  process.exitCode = failed;
}
