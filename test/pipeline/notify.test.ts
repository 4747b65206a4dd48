/**
 * The step that tells people: where webhooks come from, what is told of which results, and that it
 * never throws.
 */
import { execFileSync } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { newestGoodBackup } from "../../src/pipeline/catalogue/newest-good.ts";
import { problemsOfBackup, problemsOfRestoreTests, problemsOfVerification } from "../../src/pipeline/notify/alertable.ts";
import { knownSecrets } from "../../src/pipeline/notify/known-secrets.ts";
import { readWebhook } from "../../src/pipeline/notify/webhook.ts";
import { drillAlerts, gatherAlertContext, notify } from "../../src/pipeline/notify.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import type { RestoreTestResult } from "../../src/pipeline/restore-test.ts";
import type { VerifyResult } from "../../src/pipeline/verify.ts";
import { sampleAlert } from "../alerts/sample-alerts.ts";
import { createFilesProject, type FilesProject, treePolicy } from "../support/files-project.ts";
import { startSlack } from "../support/slack-server.ts";

let project: FilesProject;

beforeEach(async () => {
  project = await createFilesProject();
});

afterEach(() => project[Symbol.asyncDispose]());

/** A context with these alerts in its policy and these variables in its environment. */
async function openWith(alerts: string, environment: Record<string, string> = {}, warnings?: string[]): Promise<PipelineContext> {
  await project.writePolicy(`${treePolicy}${alerts}\n`);
  const context = await project.open(warnings === undefined ? {} : { warnings });
  return { ...context, run: { ...context.run, environment } };
}

describe("notify", () => {
  test("tells every channel of the severity, and says of each how it went", async () => {
    await using slack = await startSlack();
    await using refusing = await startSlack({ status: 410, body: "channel_is_archived" });
    await writeFile(join(project.directory, "hook"), `${slack.url}\n`, { mode: 0o600 });
    const context = await openWith(
      "alerts: { critical: [slack:file:hook, slack:env:GONE, slack:env:UNSET, email:ops@example.com] }",
      {
        GONE: refusing.url,
      },
    );
    expect(await notify(context, sampleAlert)).toEqual([
      { channel: `slack:file:${join(project.directory, "hook")}`, outcome: "sent" },
      { channel: "slack:env:GONE", outcome: "failed", error: expect.objectContaining({ name: "AlertRefused" }) },
      { channel: "slack:env:UNSET", outcome: "failed", error: expect.objectContaining({ name: "SecretUnavailable" }) },
      { channel: "email:ops@example.com", outcome: "skipped", error: expect.objectContaining({ name: "AlertRefused" }) },
    ]);
    expect(slack.received).toHaveLength(1);
  });

  test("drills the channels that are named, as the policy writes them or by severity", async () => {
    await using slack = await startSlack();
    const context = await openWith("alerts: { critical: [email:a@example.com], info: [slack:env:HOOK] }", { HOOK: slack.url });
    const names = async (only?: string): Promise<string[]> => (await drillAlerts(context, only)).map(({ channel }) => channel);
    expect(await names()).toEqual(["email:a@example.com", "slack:env:HOOK"]);
    expect(await names("warning")).toEqual(["email:a@example.com"]);
    expect(await names("slack:env:HOOK")).toEqual(["slack:env:HOOK"]);
    expect(await names("slack:env:OTHER")).toEqual([]);
    expect(slack.received).toHaveLength(2);
  });
});

describe("a webhook", () => {
  test("comes from Secrets Manager by its id", async () => {
    const context = await openWith("");
    const secret = await readWebhook(context, { from: "secret", id: "slack/hook" }, async (id) => `https://${id}\n`);
    expect(secret.reveal()).toBe("https://slack/hook");
  });

  test("in a file that everybody may read is warned about; one that is missing is an error", async () => {
    const warnings: string[] = [];
    const context = await openWith("", {}, warnings);
    const path = join(project.directory, "hook");
    await expect(readWebhook(context, { from: "file", path })).rejects.toMatchObject({ name: "SecretUnavailable" });
    await writeFile(path, "https://x", { mode: 0o644 });
    await readWebhook(context, { from: "file", path });
    expect(warnings).toEqual([`file ${path} holds a webhook and everybody on this machine may read it`]);
  });
});

/** The project's key file, 32 times 7, as it is written there and in hexadecimal digits. */
const keysOfProject = [Buffer.alloc(32, 7).toString("base64"), Buffer.alloc(32, 7).toString("hex")];

async function revealedOf(context: PipelineContext): Promise<readonly string[]> {
  return (await knownSecrets(context)).map((secret) => secret.reveal());
}

test("secrets of the environment are known with their passwords, in both spellings", async () => {
  const sources =
    "  a: { engine: postgres, connection: env:A, retention: { daily: 1 } }\n  b: { engine: postgres, connection: env:B, retention: { daily: 1 } }\n";
  const context = await openWith(`${sources}alerts: { critical: [slack:env:HOOK] }`, {
    A: "postgres://u:p%40ss@db/x",
    B: "host=db password='it\\'s' dbname=x",
    HOOK: "https://hooks.slack.com/services/T",
    PGPASSWORD: "other",
    HOME: "/root",
  });
  expect(await revealedOf(context)).toEqual([
    "postgres://u:p%40ss@db/x",
    "p%40ss",
    "p@ss",
    "host=db password='it\\'s' dbname=x",
    "it\\'s",
    "it's",
    "https://hooks.slack.com/services/T",
    "other",
    ...keysOfProject,
  ]);
});

test("secrets of files are known too, and keys; what is not there or no file is skipped", async () => {
  const sources =
    "  a: { engine: postgres, connection: file:a.txt, retention: { daily: 1 } }\n  b: { engine: postgres, connection: file:pipe, retention: { daily: 1 } }\n";
  await writeFile(join(project.directory, "a.txt"), "postgres://u:p%40ss@db/x\n", { mode: 0o600 });
  execFileSync("mkfifo", [join(project.directory, "pipe")]);
  const context = await openWith(`${sources}alerts: { critical: [slack:file:missing] }`);
  expect(await revealedOf(context)).toEqual(["postgres://u:p%40ss@db/x", "p%40ss", "p@ss", ...keysOfProject]);
});

describe("the newest good backup", () => {
  test("is none in a vault that is not there yet, and not known in one that cannot be read", async () => {
    const context = await project.open();
    expect(await newestGoodBackup(context, "tree")).toBeNull();
    expect(await newestGoodBackup(context, "other")).toBeUndefined();
    const broken = { ...context, storeOf: () => Promise.reject(new HoldfastError("StoreUnavailable", "away")) };
    expect(await newestGoodBackup(broken, "tree")).toBeUndefined();
    expect(await gatherAlertContext(broken, { source: "tree" })).not.toHaveProperty("newestGood");
  });

  test("passes over what was only stored and what is damaged, also after the run was aborted", async () => {
    const good = await project.back({ minutesAgo: 60 });
    const damaged = await project.back({ minutesAgo: 30, verify: false });
    await rm(join(project.vault, "artifacts", "tree", damaged), { recursive: true });
    const { verifyBackup } = await import("../../src/pipeline/verify.ts");
    expect((await verifyBackup(await project.open(), await project.find(damaged))).outcome).toBe("damaged");
    await project.back({ verify: false });
    const context = await project.open({ signal: AbortSignal.abort() });
    expect(await gatherAlertContext(context, { source: "tree" })).toMatchObject({
      tier: "standard",
      newestGood: { id: good, state: "verified", ageSeconds: expect.closeTo(3_600, -2) },
    });
  });
});

describe("problems", () => {
  const verified = (backupId: string, outcome: VerifyResult["outcome"], source = "shop"): VerifyResult => ({
    source,
    backupId,
    outcome,
    findings: outcome === "verified" ? [] : [`${outcome} indeed`],
    objectCount: 1,
    rows: 1,
    bytes: 1,
    durationMs: 1,
  });
  const dump = { source: "shop", backupId: "B" } as Parameters<typeof problemsOfBackup>[0]["dump"];
  const refused = { step: "prune", error: new HoldfastError("PruneRefused", "suspicious") } as const;
  const unrecorded = new HoldfastError("StoreAccessDenied", "read-only");

  test("of a backup: one a cause", () => {
    expect(problemsOfBackup({ dump })).toEqual([]);
    expect(problemsOfBackup({ dump, verification: verified("B", "verified") })).toEqual([]);
    expect(problemsOfBackup({ dump, verification: verified("B", "verified"), failure: refused })).toEqual([
      { source: "shop", operation: "prune", backupId: "B", error: refused.error },
    ]);
    // The refusal follows from the suspicion.
    expect(problemsOfBackup({ dump, verification: verified("B", "suspicious"), failure: refused })).toEqual([
      { source: "shop", outcome: { name: "suspicious", backupIds: ["B"], findings: ["suspicious indeed"] } },
    ]);
    const both = { ...verified("B", "verified"), unrecorded };
    expect(problemsOfBackup({ dump, verification: both, failure: { step: "verify", error: unrecorded } })).toHaveLength(1);
  });

  test("of a verification: one a source and finding", () => {
    const results = [
      verified("A", "damaged"),
      verified("B", "damaged"),
      verified("C", "suspicious"),
      verified("D", "damaged", "wiki"),
      verified("E", "verified"),
    ];
    expect(problemsOfVerification(results)).toEqual([
      { source: "shop", outcome: { name: "damaged", backupIds: ["A", "B"], findings: ["A: damaged indeed", "B: damaged indeed"] } },
      { source: "wiki", outcome: { name: "damaged", backupIds: ["D"], findings: ["damaged indeed"] } },
      { source: "shop", outcome: { name: "suspicious", backupIds: ["C"], findings: ["suspicious indeed"] } },
    ]);
  });

  test("of a restore test: its verdict, and the time it took", () => {
    const result = (outcome: RestoreTestResult["outcome"], met: boolean): RestoreTestResult => ({
      source: "shop",
      backupId: "B",
      outcome,
      evidence: {
        formatVersion: 2,
        source: "shop",
        backupId: "B",
        check: outcome,
        at: "2026-11-20T02:00:00Z",
        holdfastVersion: "0",
        by: "test",
        findings: ["it differs"],
        manifestSha256: "",
        objective: { rtoSeconds: 60, measuredSeconds: 90, met },
      },
    });
    expect(problemsOfRestoreTests([result("proven", true)])).toEqual([]);
    expect(problemsOfRestoreTests([result("disproven", false)])).toEqual([
      { source: "shop", outcome: { name: "disproven", backupIds: ["B"], findings: ["it differs"] } },
      {
        source: "shop",
        outcome: { name: "RTO missed", backupIds: ["B"], findings: ["restored in 90 s, where 60 s are promised"] },
      },
    ]);
  });
});
