/**
 * A restore that replaces something, step by step as its machine calls the functions: nothing is
 * replaced but by a request of a proven person, another's answer, and a safety backup.
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { inputSha256, writeAnswer, writeAsked } from "../../functions/commons/approval-store.ts";
import { withStateStore } from "../../functions/commons/state-store.ts";
import { handler as dump } from "../../functions/dump.ts";
import { handler as record } from "../../functions/record.ts";
import { handler as restore } from "../../functions/restore.ts";
import { handler as safeguard } from "../../functions/safeguard.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { createFunctionsProject, type FunctionsProject, invoke } from "./invoke.ts";

// Powertools then writes to the console that the test silences.
vi.hoisted(() => {
  Object.assign(process.env, {
    POWERTOOLS_DEV: "true",
    POWERTOOLS_SERVICE_NAME: "holdfast",
    POWERTOOLS_METRICS_NAMESPACE: "Holdfast",
  });
});

const ada = "arn:aws:sts::123456789012:assumed-role/operators/ada";
const ben = "arn:aws:sts::123456789012:assumed-role/approvers/ben";
const machine = "arn:aws:states:eu-central-1:123456789012:execution:holdfast-test-restore:restore-tree-asked";
const execution = `${machine}-1`;

let project: FunctionsProject;
let backupId: string;
let input: Record<string, unknown>;
const home = process.cwd();

beforeEach(async () => {
  for (const level of ["log", "info", "warn", "error"] as const) vi.spyOn(console, level).mockImplementation(() => undefined);
  project = await createFunctionsProject();
  backupId = String((await invoke(dump, { source: "tree", kind: "full" }))["backupId"]);
  process.chdir(project.directory);
  await mkdir("target");
  await writeFile("target/precious", "not backed up");
  input = {
    source: "tree",
    backup: "latest",
    to: "target",
    options: { overwrite: true },
    reason: "a file is gone",
    requestedBy: ada,
  };
});

afterEach(async () => {
  vi.restoreAllMocks();
  process.chdir(home);
  await project[Symbol.asyncDispose]();
});

const withStore = withStateStore.bind(undefined, systemClock);
const about = () => ({ source: "tree", backupId, execution });
const restoring = (more: object = {}) => invoke(restore, { ...about(), to: "target", options: { overwrite: true }, ...more });
const look = () => restoring({ only: "preflight" });

async function asked(more: Partial<{ person: string; inputSha256: string; at: string; execution: string }> = {}): Promise<void> {
  const at = new Date().toISOString();
  await withStore((store) =>
    writeAsked(store, { execution, person: ada, reason: "a file is gone", at, inputSha256: inputSha256(input), ...more }),
  );
}

async function request(more: object = {}): Promise<Record<string, unknown>> {
  const { subject, loses } = await look();
  return invoke(record, { step: "approval-requested", ...about(), input, subject, loses, ...more });
}

async function answer(sha: unknown, decision: "approved" | "denied", person = ben): Promise<void> {
  const at = new Date().toISOString();
  await withStore((store) => writeAnswer(store, { requestSha256: String(sha), decision, person, reason: "seen", at }));
}

const recordAnswer = (sha: unknown) => invoke(record, { step: "approval-answered", ...about(), request: sha });
const content = (): Promise<string[]> => readdir(join(project.directory, "target"));

async function actions(): Promise<string[]> {
  const trail = join(project.directory, "vault", "audit");
  const names = await readdir(trail).catch(() => []);
  const texts = await Promise.all(names.sort().map((name) => readFile(join(trail, name), "utf8")));
  return texts.map((text) => JSON.parse(text).entry.action);
}

async function approved(): Promise<unknown> {
  await asked();
  const { sha256 } = await request();
  await answer(sha256, "approved");
  await recordAnswer(sha256);
  return sha256;
}

async function safetyBackup(): Promise<Record<string, unknown>> {
  const taken = await invoke(safeguard, { source: "tree", execution, to: "target", options: { overwrite: true } });
  await invoke(record, { step: "safety-backup", ...about(), to: "target", safety: taken });
  return taken;
}

describe("a request", () => {
  it("is in the name of the person whom AWS named, says what is lost, and is made once", async () => {
    await asked();
    const made = await request();
    expect(made).toMatchObject({
      person: ada,
      request: {
        action: "overwrite",
        source: "tree",
        backupId,
        target: "target",
        by: ada,
        reason: "a file is gone",
        options: { overwrite: "yes", execution },
      },
    });
    expect(String((made["request"] as { loses: string[] }).loses)).toContain("replaced");
    expect(Number(made["waitSeconds"])).toBeGreaterThan(3 * 3_600);
    expect((await request())["sha256"]).toBe(made["sha256"]);
    expect(await actions()).toEqual(["approval.requested"]);
  });

  it("is made for nobody who is not proven to have asked for exactly this", async () => {
    const refusal = { name: "ApprovalRefused", message: expect.stringContaining("nobody is proven") };
    await expect(request()).rejects.toMatchObject(refusal);
    await asked({ execution: `${machine}-2` });
    await expect(request()).rejects.toMatchObject(refusal);
    await asked();
    await expect(request({ input: { ...input, to: "another" } })).rejects.toMatchObject(refusal);
    expect(await actions()).toEqual([]);
  });

  it("may wait for a shorter time than the policy says, and for no longer", async () => {
    input = { ...input, expiresSeconds: 60 };
    await asked();
    expect(Number((await request())["waitSeconds"])).toBeLessThanOrEqual(60);
  });
});

describe("an answer", () => {
  it("that denies is written down, and ends the restore", async () => {
    await asked();
    const { sha256 } = await request();
    await answer(sha256, "denied");
    const denial = { name: "ApprovalDenied", message: expect.stringContaining(ben) };
    await expect(recordAnswer(sha256)).rejects.toMatchObject(denial);
    await expect(recordAnswer(sha256)).rejects.toMatchObject(denial);
    expect(await actions()).toEqual(["approval.requested", "approval.denied"]);
  });

  it("that approves is written down and used, once", async () => {
    const sha = await approved();
    expect(await recordAnswer(sha)).toEqual({ sha256: sha, approvedBy: ben });
    expect(await actions()).toEqual(["approval.requested", "approval.given", "approval.used"]);
  });

  it.each([
    ["the one who asked", ada],
    ["the same person in another role", "arn:aws:sts::123456789012:assumed-role/approvers/ada"],
    ["another session of the role that asked", "arn:aws:sts::123456789012:assumed-role/operators/eve"],
  ])("by %s counts for nothing, however it came there", async (_, person) => {
    await asked();
    const { sha256 } = await request();
    await answer(sha256, "approved", person);
    await expect(recordAnswer(sha256)).rejects.toMatchObject({ name: "ApprovalRefused" });
    expect(await actions()).toEqual(["approval.requested"]);
  });

  it("is missed where a token was answered and nothing else", async () => {
    await asked();
    const { sha256 } = await request();
    await expect(recordAnswer(sha256)).rejects.toMatchObject({ name: "ApprovalRefused" });
  });

  it("that stands is not replaced by a later one", async () => {
    await asked();
    const { sha256 } = await request();
    await answer(sha256, "denied");
    await answer(sha256, "approved");
    await expect(recordAnswer(sha256)).rejects.toMatchObject({ name: "ApprovalDenied" });
  });
});

describe("what stands at the target", () => {
  it("is replaced by an approval and after a safety backup, which is held", async () => {
    const approval = await approved();
    const taken = await safetyBackup();
    expect(taken["source"]).toBe("tree.pre-restore");
    await restoring({ approval, safetyBackup: taken });
    expect(await content()).toEqual(["file"]);
    const vault = join(project.directory, "vault");
    expect(await readdir(join(vault, "holds", "tree.pre-restore"))).toHaveLength(1);
    expect(await readdir(join(vault, "evidence", "tree.pre-restore", String(taken["backupId"])))).toEqual([
      expect.stringContaining("-verified-"),
    ]);
  });

  it.each([
    ["without an approval", async () => ({ safetyBackup: await safetyBackup() }), "ApprovalNeeded"],
    ["by a request that nobody answered", async () => unanswered(), "ApprovalRefused"],
    ["by an approval that another execution has used", async () => ofAnother(), "ApprovalRefused"],
    ["with other options than were approved", async () => withOptions(), "ApprovalRefused"],
    ["without a safety backup", async () => ({ approval: await approved() }), "RestoreRefused"],
  ])("is not replaced %s", async (_, prepare, name) => {
    const more = await prepare();
    await expect(restoring(more)).rejects.toMatchObject({ name });
    expect(await content()).toEqual(["precious"]);
  });

  it("is not replaced where something else stands there than was approved", async () => {
    const approval = await approved();
    const taken = await safetyBackup();
    const { rename } = await import("node:fs/promises");
    await rename("target", "aside");
    await mkdir("target");
    await writeFile("target/other", "put there meanwhile");
    await expect(restoring({ approval, safetyBackup: taken })).rejects.toMatchObject({ name: "ApprovalRefused" });
    expect(await content()).toEqual(["other"]);
  });

  async function unanswered(): Promise<object> {
    await asked();
    const { sha256 } = await request();
    return { approval: sha256, safetyBackup: await safetyBackup() };
  }

  async function ofAnother(): Promise<object> {
    return { approval: await approved(), safetyBackup: await safetyBackup(), execution: `${machine}-2` };
  }

  async function withOptions(): Promise<object> {
    const approval = await approved();
    return { approval, safetyBackup: await safetyBackup(), options: { overwrite: true, assertions: false } };
  }
});
