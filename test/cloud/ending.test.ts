/**
 * `npm run cloud` ends however it is ended, also while it is being built, and leaves nothing
 * behind: no server, no file.
 */
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findFreePort } from "../support/ministack.ts";
import { ending, waitFor } from "../support/processes.ts";

const program = join(import.meta.dirname, "../../scripts/cloud.ts");

test.each(["SIGINT", "SIGTERM", "SIGKILL"] as const)("nothing is left after %s", async (signal) => {
  const directory = mkdtempSync(join(tmpdir(), "hfe-"));
  try {
    chmodSync(directory, 0o755); // PostgreSQL's user goes through it
    const port = await findFreePort();
    const child = spawn(process.execPath, [program, "--port", String(port)], {
      env: { ...process.env, TMPDIR: directory },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString("utf8");
    });
    const end = ending(child);
    await waitFor("the deployment to begin", () => said.includes("packaging and deploying"), 300_000);
    await waitFor("osls to work", () => filesIn(directory).some((name) => name.includes("osls-")), 300_000);
    expect(await answers(port)).toBe(true);
    child.kill(signal);
    await end;
    await waitFor("all files to be gone", () => filesIn(directory).length === 0, 300_000);
    expect(await answers(port)).toBe(false);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

/** Of the first two levels. */
function filesIn(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    if (!entry.isDirectory()) return [entry.name];
    try {
      return [entry.name, ...readdirSync(join(directory, entry.name))];
    } catch {
      return []; // gone meanwhile
    }
  });
}

function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/_ministack/health`).then(
    ({ ok }) => ok,
    () => false,
  );
}
