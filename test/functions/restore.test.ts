/** What the function that restores does with a target, before and after it is asked to. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { handler as dump } from "../../functions/dump.ts";
import { handler as record } from "../../functions/record.ts";
import { handler as restore } from "../../functions/restore.ts";
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
const home = process.cwd();

beforeEach(async () => {
  for (const level of ["log", "info", "warn", "error"] as const) vi.spyOn(console, level).mockImplementation(() => undefined);
  project = await createFunctionsProject();
  backupId = String((await invoke(dump, sample("dump")))["backupId"]);
  process.chdir(project.directory);
});

afterEach(async () => {
  vi.restoreAllMocks();
  process.chdir(home);
  await project[Symbol.asyncDispose]();
});

function sample(name: string, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { ...readEvent("functions", name), source: "tree", ...more };
}

const restoring = (more: Readonly<Record<string, unknown>>) => invoke(restore, sample("restore", { backupId, ...more }));

describe("the look at a target", () => {
  it("touches nothing, and says what it found", async () => {
    const looked = await restoring({ to: "restored", only: "preflight" });
    expect(Object.keys(looked).toSorted()).toEqual(Object.keys(readEvent("results", "preflight")).toSorted());
    expect(looked).toMatchObject({ occupied: false, checks: expect.arrayContaining([expect.objectContaining({ level: "ok" })]) });
    expect(await readdir(project.directory)).not.toContain("restored");
  });

  it("refuses a target that holds something", async () => {
    await expect(restoring({ to: "tree", only: "preflight" })).rejects.toMatchObject({ name: "RestoreRefused" });
  });
});

describe("how far a restore is", () => {
  const notes = async (): Promise<string[]> =>
    (await readdir(join(project.directory, "state", "progress"), { recursive: true }).catch(() => [])).filter((path) =>
      /\/(25|50|75)$/.test(path),
    );

  it("is noted for the watch, and of no interest once it is recorded how it ended", async () => {
    await restoring({ to: "restored" });
    const noted = await notes();
    expect(noted.length).toBeGreaterThan(0);
    for (const path of noted) expect(path).toMatch(new RegExp(`^tree/${backupId}/[0-9a-f]{32}/`));
    const { execution } = sample("restore");
    await invoke(record, sample("record", { backupId, execution, step: "restore", atLeast: 0 }));
    expect(await notes()).toEqual([]);
  });
});
