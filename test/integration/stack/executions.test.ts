/**
 * Executions as somebody at a desk meets them: started, followed, failed, stopped, and started
 * twice.
 */
import { join } from "node:path";
import { DescribeExecutionCommand, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Session } from "../../../src/cli/session.ts";
import { backupOnStack } from "../../../src/cli/stack/commands.ts";
import { openStepFunctions } from "../../../src/cli/stack/step-functions.ts";
import { createTerminal } from "../../../src/cli/terminal.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { fakeStream } from "../../cli/fake-stream.ts";
import { openPipeline } from "../../support/pipeline.ts";
import { waitFor } from "../../support/processes.ts";
import { arnOf, openStackProject, type StackProject } from "./stack-project.ts";

let project: StackProject;
beforeAll(async () => {
  project = await openStackProject();
});
afterAll(() => project?.[Symbol.asyncDispose]());

describe("an execution that succeeds", () => {
  it("is followed while it runs, and its result printed", async () => {
    const { said, ended, says, child } = project.start(["backup", "shop"]);
    await says(/DumpSlowly +begins/);
    expect(child.exitCode).toBeNull();
    expect(said.stderr).not.toMatch(/DumpSlowly +done/);
    expect(await ended).toBe(0);
    expect(said.stderr).toMatch(/^started backup-shop-by-hand-\d{8}T\d{6}Z\n {2}arn:aws:states:/);
    expect(said.stderr).toMatch(/Plan +done in .*\n.*ChooseRunner +done in .*\n.*DumpSlowly +begins\n.*DumpSlowly +done in 2/);
    expect(said.stdout).toMatch(/^backup of shop succeeded in 2\.\d s\n.*\n {2}backupId {5}20261121T020000Z-full-7k3f9a\n/);
  });

  it("is one document with --json", async () => {
    const { code, stdout } = await project.onStack("backup", "shop", "--kind", "full", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      stack: "holdfast-prod",
      machine: "backup",
      arn: expect.stringContaining(`${arnOf("backup")}backup-shop-by-hand-`),
      status: "SUCCEEDED",
      input: { source: "shop", kind: "full" },
      output: { source: "shop", storedBytes: 52_428_800, outcome: "verified" },
      states: [{ name: "Plan" }, { name: "ChooseRunner" }, { name: "DumpSlowly", outcome: "done" }, { name: "Done" }],
    });
    expect(code).toBe(0);
  });

  it("gives the restore machine its input, and a restore test that missed its time exit code 1", async () => {
    const restored = await project.onStack("restore", "shop@latest", "--to", "shop_restored", "--json");
    expect(JSON.parse(restored.stdout).output).toEqual({
      given: { source: "shop", backup: "latest", to: "shop_restored", requestedBy: expect.stringContaining("@") },
    });
    const tested = await project.onStack("restore-test", "shop");
    expect(tested.stdout).toMatch(/restoreSeconds {2}1 min 30 s\n/);
    expect([restored.code, tested.code]).toEqual([0, 1]);
  });

  it("counts the children of a Distributed Map", async () => {
    const verified = await project.onStack("verify", "--source", "shop", "--json");
    expect(JSON.parse(verified.stdout)).toMatchObject({
      input: { sources: ["shop"], olderThanHours: 0 },
      states: [{ name: "VerifyEach", items: { total: 1, succeeded: 1, failed: 0 } }, { name: "Done" }],
    });
    const bad = await project.onStack("verify", "--source", "broken");
    expect(bad.stderr).toMatch(/VerifyEach +1 of 1 done, 1 failed\n/);
  });
});

describe("an execution that does not", () => {
  it("tells each attempt, the failing state, the catalogue's hint and the next command", async () => {
    const { said, ended, says } = project.start(["backup", "broken", "--json"]);
    const words = 'cannot connect to database "shop" on db.internal:5432';
    await project.stack.failNextTask("SourceUnreachable", words);
    await says(/Dump +attempt 1 failed after .*: SourceUnreachable: cannot connect/);
    await project.stack.failNextTask("SourceUnreachable", words);
    expect(await ended).toBe(1);
    expect(JSON.parse(said.stdout)).toMatchObject({
      status: "FAILED",
      failedState: "Dump",
      error: {
        class: "SourceUnreachable",
        code: "HF110",
        message: `backup of broken failed in the state Dump: ${words}`,
        exitCode: 1,
      },
    });
    expect(JSON.parse(said.stdout).states.find(({ name }: { name: string }) => name === "Dump")).toMatchObject({
      outcome: "caught",
      attempts: 2,
      failures: [{ error: { class: "SourceUnreachable", message: words } }, { error: { message: words } }],
    });
    expect(said.stderr).toContain("  next       holdfast --stack holdfast-prod check broken\nhint  Check that the source runs");
    expect(said.stderr).not.toMatch(/^\s+at /m);
  });

  it("ends with the exit code of the error that its machine ended with", async () => {
    const { code, stderr, stdout } = await project.onStack("restore", "shop@latest", "--to", "of_a_damaged_one");
    expect(stderr).toContain(
      "error restore of shop failed in the state FailedAndTold: backup x is damaged (BackupDamaged, HF405)\n",
    );
    expect([code, stdout]).toEqual([4, ""]);
  });

  it("may run out of its time", async () => {
    const { code, stderr } = await project.onStack("backup", "slow");
    expect(stderr).toMatch(/error backup of slow failed in the state DumpTooLong: States\.Timeout: .* \(ExecutionFailed, HF123\)/);
    expect(code).toBe(1);
  });

  it("may be stopped by somebody else meanwhile", async () => {
    const { said, ended, says } = project.start(["backup", "endless"]);
    await says(/DumpForever +begins/);
    const [, executionArn = ""] = /(arn:aws:states:\S+)/.exec(said.stderr) ?? [];
    await project.stack.client.send(new StopExecutionCommand({ executionArn, cause: "the source is moving" }));
    expect(await ended).toBe(1);
    expect(said.stderr).toContain("error backup of endless was stopped in the state DumpForever: the source is moving");
  });
});

describe("Ctrl-C", () => {
  it("ends the following, never the execution, which can be followed again and stopped with the commands it names", async () => {
    const { child, said, ended, says } = project.start(["backup", "endless", "--json"]);
    await says(/DumpForever +begins/);
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    const { arn, status, error } = JSON.parse(said.stdout);
    expect([status, error.class]).toEqual(["RUNNING", "Interrupted"]);
    expect(said.stderr).toContain("interrupted: an execution that was started goes on");
    expect(error.details).toEqual([
      `follow it again  holdfast follow ${arn}`,
      `stop it          aws stepfunctions stop-execution --execution-arn ${arn}`,
    ]);
    expect((await project.stack.client.send(new DescribeExecutionCommand({ executionArn: arn }))).status).toBe("RUNNING");

    const again = project.holdfast(["follow", arn, "--json"]);
    await project.stack.client.send(new StopExecutionCommand({ executionArn: arn }));
    const { code, stdout } = await again;
    expect(JSON.parse(stdout)).toMatchObject({ arn, status: "ABORTED", error: { class: "ExecutionFailed" } });
    expect(code).toBe(1);
  });

  it("leaves an execution that is over to be looked at", async () => {
    const started = JSON.parse((await project.onStack("restore-test", "shop", "--json")).stdout);
    const followed = await project.holdfast(["follow", started.arn, "--json"]);
    expect(JSON.parse(followed.stdout)).toEqual(started);
    const unknown = await project.holdfast(["follow", `${arnOf("backup")}never`]);
    expect(unknown.stderr).toMatch(/^error cannot look at the execution: .*never.* \(ExecutionNotFound, HF306\)\n/);
    const other = await project.holdfast(["--stack", "holdfast-dev", "follow", started.arn]);
    expect([followed.code, unknown.code, other.code]).toEqual([1, 3, 2]);
  });
});

describe("a second start in the same second", () => {
  it("is refused, with the way to follow the first", async () => {
    const now = new Date("2026-11-21T06:13:00Z");
    const context = await openPipeline({
      policyFile: join(project.directory, "policy-that-was-deployed.yml"),
      env: {},
      clock: { ...systemClock, now: () => now },
    });
    const terminal = createTerminal({ json: false, stdout: fakeStream().stream, stderr: fakeStream().stream });
    const session: Session = { context, terminal, stack: "holdfast-prod" };
    const saved = { ...process.env };
    Object.assign(process.env, project.stack.env);
    try {
      const options = { kind: "full", verify: true, prune: true } as const;
      const first = backupOnStack(session, "shop", options);
      const name = "backup-shop-by-hand-20261121T061300Z";
      const api = await openStepFunctions({ signal: context.run.signal });
      await waitFor("the first start", () =>
        api.describe(`${arnOf("backup")}${name}`).then(
          () => true,
          () => false,
        ),
      );
      api.close();
      await expect(backupOnStack(session, "shop", options)).rejects.toMatchObject({
        name: "ExecutionExists",
        exitCode: 5,
        message: `an execution ${name} is there already`,
        details: [`follow it  holdfast follow ${arnOf("backup")}${name}`],
      });
      expect(await first).toMatchObject({ exitCode: 0 });
    } finally {
      for (const key of Object.keys(project.stack.env)) {
        if (saved[key] === undefined) delete process.env[key];
        else process.env[key] = saved[key];
      }
      context.close();
    }
  });
});
