/**
 * Runs a TypeScript file of this checkout under Node 24, whatever Node the system has (20 or
 * later): sets up node_modules when they are missing or not what package-lock.json says, finds Node
 * 24 there, and hands over arguments, signals and exit code. Plain JavaScript without dependencies,
 * because nothing else is there yet on a fresh clone.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findNode, handOver, requiredMajor } from "../bin/find-node.mjs";

const project = dirname(dirname(fileURLToPath(import.meta.url)));

/** Why node_modules must be set up, in words; undefined when they are as package-lock.json says. */
export function whyInstall(directory) {
  const installed = join(directory, "node_modules/.package-lock.json");
  if (!existsSync(installed)) return "node_modules is missing";
  const there = JSON.parse(readFileSync(installed, "utf8")).packages;
  const wanted = JSON.parse(readFileSync(join(directory, "package-lock.json"), "utf8")).packages;
  const stale = Object.entries(wanted).find(
    ([path, entry]) =>
      path !== "" && !entry.optional && !entry.devOptional && !entry.peer && there[path]?.version !== entry.version,
  );
  if (stale === undefined) return undefined;
  const [path, entry] = stale;
  return `${path} is ${there[path]?.version ?? "missing"} and package-lock.json wants ${entry.version}`;
}

/**
 * Installs what package-lock.json says when something else is there; says on standard error what it
 * does and why. Returns an error message, or undefined. `npm install --no-save` rather than
 * `npm ci`: it keeps to the lock file as well, but does not refuse when a registry's mirror lacks
 * packages for other systems, which are optional and so not in the lock file.
 */
export function setUp(directory) {
  const reason = whyInstall(directory);
  if (reason === undefined) return undefined;
  process.stderr.write(`Setting up: ${reason}; running npm install, which takes about half a minute ...\n`);
  // The npm that started this script, so that both agree on their Node; else the one on the PATH.
  const npm = process.env.npm_execpath;
  const [command, ...first] = npm?.endsWith("npm-cli.js") ? [process.execPath, npm] : ["npm"];
  const args = [
    ...first,
    "install",
    "--no-save",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    "--include=dev",
    "--include=optional",
  ];
  // NODE_ENV=production would leave out the very tools that this is about.
  const options = { cwd: directory, stdio: ["ignore", 2, 2], env: { ...process.env, NODE_ENV: "development" } };
  const result = spawnSync(command, args, options);
  const how = result.error?.message ?? (result.signal ? `ended by ${result.signal}` : `exit code ${result.status}`);
  const problem = result.status === 0 ? whyInstall(directory) : how;
  if (problem === undefined) return undefined;
  return `npm install failed in ${directory} (${problem}); its own output is above. Fix the cause (often the network or the registry) and run this again.`;
}

/**
 * Sets up, then runs `script` (relative to the checkout) with Node 24 and the checkout's programs
 * first on the PATH. Ends this process.
 */
export function runWithNode(script, args) {
  const problem = setUp(project);
  if (problem !== undefined) return fail(problem);
  const node = findNode();
  if (node === undefined) {
    return fail(
      `Node ${requiredMajor} was not found: this is Node ${process.versions.node}, and npm left out the optional package node ` +
        `(--omit=optional or --ignore-scripts?). Run npm install without these, or install Node ${requiredMajor}, and run this again.`,
    );
  }
  const path = [dirname(node), join(project, "node_modules/.bin"), process.env.PATH].join(":");
  handOver(node, ["--disable-warning=ExperimentalWarning", join(project, script), ...args], {
    env: { ...process.env, PATH: path },
  });
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [script, ...args] = process.argv.slice(2);
  if (script === undefined) fail("usage: node scripts/with-node.mjs SCRIPT [ARGUMENT ...]");
  else runWithNode(script, args);
}
