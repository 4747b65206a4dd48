/** The stack's policy in place of a file. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openStackProject, type StackProject } from "./stack-project.ts";

let project: StackProject;
beforeAll(async () => {
  project = await openStackProject();
});
afterAll(() => project?.[Symbol.asyncDispose]());

describe("the stack's policy", () => {
  it("serves every other command, where there is no holdfast.yml", async () => {
    await project.holdfast(["init", "--key-only", "--key", join(project.directory, "main.key")]);
    await mkdir(join(project.directory, "tree"));
    await writeFile(join(project.directory, "tree", "a"), "content");
    const made = await project.holdfast(["--policy", "policy-that-was-deployed.yml", "backup", "broken", "--json"]);
    const { backupId } = JSON.parse(made.stdout);
    const list = await project.onStack("list", "--json");
    expect(JSON.parse(list.stdout).backups).toMatchObject([{ source: "broken", id: backupId, state: "verified" }]);
    expect((await project.onStack("show", "broken@latest", "--json")).stdout).toContain(backupId);
    expect((await project.onStack("hold", "add", backupId, "--reason", "case 7")).code).toBe(0);
    expect((await project.onStack("hold", "list")).stdout).toContain("case 7");
    expect(JSON.parse((await project.onStack("status", "broken", "--json")).stdout).sources[0].source).toBe("broken");
    expect((await project.onStack("report", "--out", "report.html")).code).toBe(0);
    expect(await readFile(join(project.directory, "report.html"), "utf8")).toContain(backupId);
    const verified = await project.onStack("verify", "broken@latest", "--json");
    expect(JSON.parse(verified.stdout).verified).toMatchObject([{ backupId, outcome: "verified" }]);
    expect(verified.stderr).toContain("this one backup is read back by this machine");
  });

  it("tells check that code of a backup has a way out of the stack", async () => {
    const { stdout } = await project.onStack("check", "broken", "--json");
    const { findings } = JSON.parse(stdout) as {
      findings: readonly { about: string; level: string; message: string; remedy?: string }[];
    };
    expect(findings.find(({ about }) => about === "stack holdfast-prod")).toMatchObject({
      level: "warning",
      message: expect.stringContaining("can send data to the Internet"),
      remedy: expect.stringContaining("--param=proving=isolated"),
    });
  });

  it("is not mixed with another", async () => {
    const both = await project.holdfast(["--policy", "policy-that-was-deployed.yml", "--stack", "holdfast-prod", "list"]);
    expect([both.code, both.stderr]).toEqual([2, expect.stringContaining("--policy and --stack exclude each other")]);
    const variable = await project.holdfast(["--stack", "holdfast-prod", "list"], { HOLDFAST_POLICY: "nowhere.yml" });
    expect(variable.code).toBe(0);
    expect((await project.onStack("init")).code).toBe(2);
  });

  it("checks names before anything is started", async () => {
    const { code, stderr } = await project.onStack("backup", "shpo");
    expect([code, stderr]).toEqual([3, expect.stringContaining('error the policy has no source "shpo" (SourceNotFound, HF303)')]);
    expect(stderr).not.toContain("started");
  });
});
