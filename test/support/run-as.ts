/**
 * A program of the tests, run by another user: one who may be unable to enter the checkout, or the
 * folder that Node lies in.
 */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll } from "vitest";
import { bundleModules } from "../../scripts/bundle-functions.ts";
import { reachableNode } from "../../scripts/reachable-node.ts";
import type { UnprivilegedUser } from "../../scripts/unprivileged-user.ts";
import { runOk } from "./processes.ts";

const bundles = new Map<string, Promise<string>>();
const directories: string[] = [];

// Not at this process's exit: a worker of the tests may be ended by a signal.
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/**
 * Runs `script`, a TypeScript file of the tests, as `user` (default: as this process's own), and
 * gives its standard output. It is bundled into one file in a directory that everybody may enter: a
 * checkout below /root has mode 0700 above it. Errors: a plain Error when it fails.
 */
export async function runAs(user: UnprivilegedUser | undefined, script: string, args: readonly string[]): Promise<string> {
  let bundle = bundles.get(script);
  if (bundle === undefined) {
    bundle = bundleForAll(script);
    bundles.set(script, bundle);
  }
  return runOk(reachableNode(), [await bundle, ...args], { cwd: "/", ...user });
}

async function bundleForAll(script: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "hf-program-"));
  directories.push(directory);
  const [bundle] = await bundleModules(new Map([[basename(script, ".ts"), script]]), directory);
  if (bundle === undefined) throw new Error(`${script} was not bundled`);
  chmodSync(directory, 0o755);
  return bundle.file;
}
