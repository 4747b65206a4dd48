/**
 * What the function that records takes for evidence: what a proving function hands over is a claim,
 * for code of the backup may have written it.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { handler as dump } from "../../functions/dump.ts";
import { handler as prove } from "../../functions/prove.ts";
import { handler as record } from "../../functions/record.ts";
import { readEvent } from "../statemachines/machines.ts";
import { createFunctionsProject, type FunctionsProject, invoke } from "./invoke.ts";

// Powertools then writes to the console that the test silences.
vi.hoisted(() => {
  Object.assign(process.env, {
    POWERTOOLS_DEV: "true",
    POWERTOOLS_SERVICE_NAME: "holdfast",
    POWERTOOLS_METRICS_NAMESPACE: "Holdfast",
  });
});

let project: FunctionsProject;
let backupId: string;
/** Where the genuine finding waits. */
let waiting: string;
let finding: Record<string, unknown>;

beforeEach(async () => {
  for (const level of ["log", "info", "warn", "error"] as const) vi.spyOn(console, level).mockImplementation(() => undefined);
  project = await createFunctionsProject();
  backupId = String((await invoke(dump, sample("dump")))["backupId"]);
  await invoke(prove, sample("prove", { backupId }));
  const directory = join(project.directory, "state", "unsigned", "tree", backupId);
  const [execution = ""] = await readdir(directory);
  const [name = ""] = await readdir(join(directory, execution));
  waiting = join(directory, execution, name);
  finding = JSON.parse(await readFile(waiting, "utf8"));
});

afterEach(async () => {
  vi.restoreAllMocks();
  await project[Symbol.asyncDispose]();
});

function sample(name: string, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { ...readEvent("functions", name), source: "tree", ...more };
}

const recording = (more = {}) => invoke(record, sample("record", { backupId, ...more }));
const evidence = (): Promise<string[]> => readdir(join(project.directory, "vault", "evidence", "tree", backupId)).catch(() => []);
const otherId = "20200101T020000Z-full-7k3f9a";

it.each([
  ["about another source", { source: "other" }],
  ["about another backup", { backupId: otherId }],
  ["in a person's name", { check: "accepted", reason: "looks fine" }],
  ["that a verification cannot come to", { check: "proven" }],
  ["of failure that a verification cannot come to", { check: "disproven", findings: ["it differs"] }],
  ["about a manifest that is not in the vault", { manifestSha256: "0".repeat(64) }],
  ["with a member that evidence has not", { reasons: "more" }],
  ["without a word on what is damaged", { check: "damaged", findings: [] }],
])("refuses a claim %s", async (_, change) => {
  await writeFile(waiting, JSON.stringify({ ...finding, ...change }));
  await expect(recording()).rejects.toMatchObject({ name: "EvidenceInvalid" });
  expect(await evidence()).toEqual([]);
});

it.each(["", "{", "[]", "null", '"verified"', `${"[".repeat(5_000)}${"]".repeat(5_000)}`])(
  "refuses what is no document: %.20s",
  async (text) => {
    await writeFile(waiting, text);
    await expect(recording()).rejects.toMatchObject({ name: "EvidenceInvalid" });
    expect(await evidence()).toEqual([]);
  },
);

it("takes a proof from a restore test alone", async () => {
  const claim = JSON.stringify({ ...finding, check: "proven" });
  await writeFile(waiting, claim);
  await expect(recording({ step: "restore" })).rejects.toMatchObject({ name: "EvidenceInvalid" });
  await writeFile(waiting, claim);
  expect(await recording({ step: "restore-test" })).toMatchObject({ recorded: 1 });
});

it.each(["2020-01-01T00:00:00.000Z", "9998-01-01T00:00:00.000Z"])(
  "dates it by its own clock, whatever it claims: %s",
  async (at) => {
    const since = Date.now();
    await writeFile(waiting, JSON.stringify({ ...finding, at, clockAt: at }));
    await recording();
    const [name = ""] = await evidence();
    const written = JSON.parse(await readFile(join(project.directory, "vault", "evidence", "tree", backupId, name), "utf8"));
    expect(Date.parse(written.at)).toBeGreaterThanOrEqual(since);
    expect(Date.parse(written.at)).toBeLessThanOrEqual(Date.now());
    expect(written).not.toHaveProperty("clockAt");
    expect({ ...written, at }).toEqual({ ...finding, at });
  },
);

it("refuses a heap of claims", async () => {
  for (let count = 0; count < 20; count += 1) await writeFile(`${waiting.slice(0, -5)}${count}.json`, JSON.stringify(finding));
  await expect(recording()).rejects.toMatchObject({ name: "EvidenceInvalid", message: expect.stringContaining("more than 20") });
  expect(await evidence()).toEqual([]);
});

it("records nothing of a backup that is gone", async () => {
  await expect(recording({ backupId: otherId, atLeast: 0 })).rejects.toMatchObject({ name: "BackupNotFound" });
});

it("writes restores into the audit trail: who asked, which execution, and how it ended", async () => {
  await recording();
  const { atLeast: _, ...about } = sample("record", { backupId, step: "restore-begun" });
  await invoke(record, { ...about, to: "restored", requestedBy: "ada" });
  await recording({ step: "restore", atLeast: 0, requestedBy: "ada" });
  await recording({ step: "restore", atLeast: 0, requestedBy: "", error: "RestoreDiffers" });
  const trail = join(project.directory, "vault", "audit");
  const entries = await Promise.all((await readdir(trail)).sort().map((name) => readFile(join(trail, name), "utf8")));
  expect(entries.map((text) => JSON.parse(text).entry)).toMatchObject([
    {
      number: 1,
      action: "restore.begun",
      source: "tree",
      backupId,
      details: { to: "restored", requestedBy: "ada", execution: expect.any(String) },
    },
    { number: 2, action: "restore.done", source: "tree", backupId, details: { requestedBy: "ada", execution: expect.any(String) } },
    { number: 3, action: "restore.failed", source: "tree", backupId, details: { error: "RestoreDiffers" } },
  ]);
  expect(entries).toHaveLength(3);
});
