/**
 * Every run has a temporary directory of its own, and leaves nothing in it: what a test or the
 * product forgets there fails the run. Both a leak of the product's (a crashed run fills the disk,
 * perhaps with decrypted content) and a careless test are found that way.
 */
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

/**
 * Made by Node and by Python's programs for every program that they run, and used by all of them.
 */
const shared = new Set(["node-compile-cache"]);
/** Supervisors of servers remove their directory after the test's own process has ended. */
const maxWaitMs = 30_000;

/**
 * Sets TMPDIR for the workers, which are started later. Returns what ends the run, and fails it
 * when something was left.
 */
export function setup(): () => Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "hf-run-"));
  chmodSync(directory, 0o1777); // as /tmp: tests run programs as other users
  const before = process.env["TMPDIR"];
  process.env["TMPDIR"] = directory;
  return async () => {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
    const left = await listLeft(directory);
    rmSync(directory, { recursive: true, force: true });
    if (left.length === 0) return;
    // Vitest prints what a teardown throws, and ends with 0 all the same.
    console.error(`\nFAIL the run left ${left.length} entries in its temporary directory: ${left.join(", ")}`);
    process.exitCode = 1;
  };
}

/** What still stands there after a while. */
export async function listLeft(directory: string, waitMs = maxWaitMs): Promise<readonly string[]> {
  const end = performance.now() + waitMs;
  for (;;) {
    const left = readdirSync(directory).filter((name) => !shared.has(name));
    if (left.length === 0 || performance.now() >= end) return left.sort();
    await setTimeout(100);
  }
}
