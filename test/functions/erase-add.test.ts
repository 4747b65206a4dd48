/** The function that an application calls when it erases somebody. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { handler as dump } from "../../functions/dump.ts";
import { handler as eraseAdd } from "../../functions/erase-add.ts";
import { readEvent } from "../statemachines/machines.ts";
import { createFunctionsProject, type FunctionsProject, invoke } from "./invoke.ts";

vi.hoisted(() => {
  Object.assign(process.env, {
    POWERTOOLS_DEV: "true",
    POWERTOOLS_SERVICE_NAME: "holdfast",
    POWERTOOLS_METRICS_NAMESPACE: "Holdfast",
  });
});

vi.setConfig({ testTimeout: 180_000 });

let project: FunctionsProject;
let lines: string[];
beforeEach(async () => {
  lines = [];
  for (const level of ["log", "info", "warn", "error", "debug"] as const) {
    vi.spyOn(console, level).mockImplementation((...words: unknown[]) => void lines.push(words.join(" ")));
  }
  project = await createFunctionsProject();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await project[Symbol.asyncDispose]();
});

const { targets: _rows, ...sample } = { ...readEvent("functions", "erase-add"), source: "tree" } as Record<string, unknown>;
const person = "home/ada-lovelace";
const entries = (room: string) => readdir(join(project.directory, "vault", room, "tree")).catch(() => []);

it("records a call once, answers in the form that events/results/ shows, and logs no key", async () => {
  await invoke(dump, { ...readEvent("functions", "dump"), source: "tree" });
  const first = await invoke(eraseAdd, { ...sample, path: person });
  expect(Object.keys(first).toSorted()).toEqual(Object.keys(readEvent("results", "erase-add")).toSorted());
  expect(first).toMatchObject({ source: "tree", id: sample["id"], number: 1, repeated: false });
  expect(await invoke(eraseAdd, { ...sample, path: person })).toMatchObject({ number: 1, repeated: true });
  expect(await entries("erasures")).toEqual(["0000000001.json"]);
  const text = await readFile(join(project.directory, "vault", "erasures", "tree", "0000000001.json"), "utf8");
  for (const said of [text, ...lines]) expect(said).not.toMatch(/lovelace|GDPR/);
  // It writes no audit trail: its role adds to ledgers alone.
  expect(await readdir(join(project.directory, "vault"))).not.toContain("audit");
});

it.each([
  { path: [person] },
  { path: `${person}/../x` },
  { table: "public.users", key: { email: person } },
  { path: person, key: { email: person } },
  { path: person, reason: undefined },
  { path: person, id: person },
  { path: person, at: person },
  { path: person, more: person },
  { targets: [{ path: person, more: person }] },
  {},
])("refuses what is not an erasure (%#), and repeats no value", async (wrong) => {
  const calling = invoke(eraseAdd, { ...sample, ...wrong });
  await expect(calling).rejects.toMatchObject({ name: "UsageInvalid" });
  const error = (await calling.catch((thrown: unknown) => thrown)) as Error;
  for (const said of [String(error), String(error.stack), ...lines]) expect(said).not.toContain("lovelace");
  expect(await entries("erasures")).toEqual([]);
});
