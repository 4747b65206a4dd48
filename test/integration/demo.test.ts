import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { projectDirectory } from "../../scripts/cache-directory.ts";
import { run, waitFor } from "../support/processes.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "hf-demo-"));
  return () => rm(directory, { recursive: true, force: true });
});

const demo = join(projectDirectory, "demo/run.ts");

describe("npm run demo", () => {
  it("tells its story to the end in under two minutes, and leaves vault, policy and report behind", async () => {
    const output = join(directory, "out");
    const started = performance.now();
    const { code, stdout, stderr } = await run(process.execPath, [demo, output], { timeoutMs: 170_000 });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect((performance.now() - started) / 1000).toBeLessThan(120);
    expect(stdout).toContain("caught: exit code 4, pruning refused");
    expect(stdout.indexOf("$ holdfast backup taskmaster")).toBeGreaterThan(stdout.indexOf("$ holdfast check"));
    expect(await readFile(join(output, "report.html"), "utf8")).toContain("taskmaster");
    for (const left of ["holdfast.yml", "main.key", "vault/RESTORE.md"]) expect(existsSync(join(output, left)), left).toBe(true);
    // No secret is ever shown, the connection's password least of all.
    expect(stdout + stderr).not.toMatch(/p@ss|p%40ss/);
  });

  it.each(["SIGINT", "SIGTERM", "SIGKILL"] as const)("leaves no server behind when %s ends it", async (signal) => {
    const child = spawn(process.execPath, [demo, join(directory, "out")], { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString("utf8");
    });
    const ended = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
    await waitFor("the first backup to begin", () => output.includes("$ holdfast backup"), 60_000);
    child.kill(signal);
    const code = await ended;
    if (signal !== "SIGKILL") expect(code).toBe(130);
    const port = /runs on port (\d+)/.exec(output)?.[1];
    await waitFor("its port to be free", async () => (await run("bash", ["-c", `exec 3<>/dev/tcp/127.0.0.1/${port}`])).code !== 0);
  });
});
