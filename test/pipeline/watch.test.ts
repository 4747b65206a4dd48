/** The watch: what it tells of, how often, and that it says when something is over. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Alert } from "../../src/alerts/alert.ts";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { recordDamage } from "../../src/pipeline/damage/record-damage.ts";
import { listDamageTold, noteDamageTold } from "../../src/pipeline/notify/told-damage.ts";
import { memoryKey } from "../../src/pipeline/notify/watch-memory.ts";
import { restoreTest } from "../../src/pipeline/restore-test.ts";
import { type WatchResult, watchSources } from "../../src/pipeline/watch.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { createFilesProject, type FilesProject } from "../support/files-project.ts";
import { type MemoryStore, makeMemoryStore } from "../support/memory-store.ts";

let project: FilesProject;
let memory: MemoryStore;
let told: Alert[];

const hourMs = 3_600_000;
const policy = (more = "") =>
  "version: 1\nvaults: { main: folder:vault }\nkeys: { main: file:main.key }\nsources:\n" +
  `  tree: { engine: files, path: tree, objectives: { rpo: 2h, rto: 4h }, retention: { keepLast: 9 }${more} }\n`;

beforeEach(async () => {
  project = await createFilesProject();
  memory = makeMemoryStore();
  told = [];
  await project.writePolicy(policy());
});

afterEach(() => project[Symbol.asyncDispose]());

async function look(hoursLater = 0, tell = async (alert: Alert): Promise<unknown> => told.push(alert)): Promise<WatchResult> {
  const context = await project.open({ shiftMs: hoursLater * hourMs });
  return watchSources(context, { memory, tell });
}

/** As a reader does that met damage, and whose own alert nobody asked for. */
async function damage(id: string): Promise<void> {
  const context = await project.open();
  await recordDamage(context, await project.find(id, context), ["an artifact is damaged"]);
}

/** What was told since the last call, as `kind severity name`. */
const heard = (): string[] => told.splice(0).map(({ kind, severity, why }) => `${kind} ${severity} ${why.class}`);

test("is silent while every promise is kept, and measures all the same", async () => {
  const id = await project.back({ minutesAgo: 5 });
  const result = await look();
  expect(heard()).toEqual([]);
  expect(result).toMatchObject({ told: 0, recovered: 0, unmeasured: [] });
  expect(result.sources[0]?.newestVerified).toMatchObject({ id, ageSeconds: expect.closeTo(300, -2) });
});

test("tells of a source without any backup", async () => {
  await look();
  expect(told[0]).toMatchObject({
    source: "tree",
    what: "tree misses its objectives",
    why: { message: "there is no backup" },
  });
  expect(told[0]?.nextCommand).toBe("holdfast status tree");
});

test("tells of a breach once, again after a day with the time since when, and once that it is over", async () => {
  await project.back({ minutesAgo: 30 });
  await look(3);
  expect(heard()).toEqual(["problem warning objective breached"]);
  await look(4);
  await look(26);
  expect(heard()).toEqual([]);
  await look(28);
  expect(told[0]?.since.slice(0, 13)).toBe(new Date(Date.now() + 3 * hourMs).toISOString().slice(0, 13));
  expect(heard()).toEqual(["problem warning objective breached"]);
  await project.back({ minutesAgo: -28 * 60 });
  const { recovered } = await look(28);
  expect(recovered).toBe(1);
  expect(told[0]).toMatchObject({ kind: "recovery", dedupeKey: "tree/objective breached", newestGood: { state: "verified" } });
  heard();
  await look(29);
  expect(heard()).toEqual([]);
});

test("tells of a backup that its schedule should have made, within the RPO as well", async () => {
  await project.writePolicy(policy(', backup: { full: "0 * * * *" }').replace("rpo: 2h", "rpo: 30d"));
  await project.back({ minutesAgo: 5 });
  await look(3);
  expect(told[0]).toMatchObject({ what: "tree misses what its schedules promise", dedupeKey: "tree/overdue" });
  expect(told[0]?.why.message).toContain("full backups were not made");
});

test("tells of a restore test that is overdue", async () => {
  await project.writePolicy(policy(', restoreTest: { schedule: "0 4 * * *" }').replace("rpo: 2h", "rpo: 30d"));
  const id = await project.back({ minutesAgo: 5 });
  await restoreTest(await project.open(), await project.find(id));
  await look(1);
  expect(heard()).toEqual([]);
  await look(80);
  expect(told[0]?.why.message).toMatch(/restore test/);
  expect(heard()).toEqual([expect.stringContaining("overdue")]);
});

test("tells again when further things are found", async () => {
  const scheduled = ', backup: { full: "0 2 * * *" }';
  await project.writePolicy(policy(scheduled).replace("rpo: 2h", "rpo: 30d"));
  const id = await project.back({ minutesAgo: 5 });
  await restoreTest(await project.open(), await project.find(id));
  await look(50);
  expect(told.splice(0).map(({ why }) => why.details.length)).toEqual([0]);
  await project.writePolicy(policy(`${scheduled}, restoreTest: { schedule: "0 4 * * *" }`).replace("rpo: 2h", "rpo: 30d"));
  await look(51);
  expect(told.splice(0).map(({ why }) => why.details.length)).toEqual([1]);
  await look(52);
  expect(heard()).toEqual([]);
});

test("tells one alert of a vault that cannot be read, measures the others, and takes nothing of it for over", async () => {
  const aside = (name: string) => `  ${name}: { engine: files, path: tree, vault: side, key: main, retention: { keepLast: 9 } }\n`;
  const vaults = "vaults: { main: folder:vault, side: folder:side }";
  const own = policy(", vault: main, key: main").replace(/vaults: .*/, vaults);
  await project.writePolicy(own.replace("sources:\n", `sources:\n${aside("other")}${aside("third")}`));
  await project.back({ minutesAgo: 5 });
  await look();
  expect(heard()).toEqual(["problem warning objective breached", "problem warning objective breached"]);

  const refuse = (): Promise<never> => Promise.reject(new HoldfastError("StoreUnavailable", "the side vault does not answer"));
  const wrapStore = (store: ObjectStore): ObjectStore =>
    store.url.endsWith("/side") ? { ...store, get: refuse, head: refuse } : store;
  const context = await project.open({ wrapStore });
  const { sources, unmeasured } = await watchSources(context, { memory, tell: async (alert) => told.push(alert) });
  expect({ unmeasured, measured: sources.map(({ source }) => source) }).toEqual({
    unmeasured: ["other", "third"],
    measured: ["tree"],
  });
  expect(told[0]?.source).toBeUndefined();
  expect(heard()).toEqual(["problem critical StoreUnavailable"]);
  await look();
  expect(heard()).toEqual(["recovery info StoreUnavailable"]);
});

test("asks again at the next look when nobody could be told, and says that it failed", async () => {
  const failing = async (): Promise<never> => {
    throw new HoldfastError("AlertUndelivered", "no connection");
  };
  await expect(look(0, failing)).rejects.toMatchObject({ name: "AlertUndelivered" });
  await look();
  expect(heard()).toHaveLength(1);
});

test("forgets a source that left the policy, without a word", async () => {
  await look();
  heard();
  await project.writePolicy(policy().replace("  tree:", "  oak:"));
  await look();
  expect(told.map(({ source }) => source)).toEqual(["oak"]);
});

test("tells everything again when what it told cannot be understood", async () => {
  await look();
  await memory.put(memoryKey, Buffer.from("{"));
  await look();
  expect(heard()).toHaveLength(2);
});

test("tells of damage to an older backup once, and not while somebody else has told of it", async () => {
  const older = await project.back({ minutesAgo: 90 });
  const between = await project.back({ minutesAgo: 60 });
  await project.back({ minutesAgo: 5 });
  for (const id of [older, between]) await damage(id);
  await noteDamageTold(memory, "tree", [between], (await project.open()).run);
  await look();
  expect(told[0]).toMatchObject({ what: `backup ${older} of tree is damaged`, dedupeKey: `tree/damaged/${older}` });
  expect(told[0]?.why.message).toContain(older);
  expect(heard()).toEqual(["problem critical damaged"]);
  await look(0.5);
  await look(30);
  expect(heard().filter((line) => line.includes("damaged"))).toEqual([]);
});

test("tells of damage to the newest backup once, also when it is no longer the newest", async () => {
  await project.back({ minutesAgo: 90 });
  const id = await project.back({ minutesAgo: 60 });
  await damage(id);
  await look();
  expect(told[0]?.what).toBe(`backup ${id} of tree is damaged`);
  expect(heard()).toEqual(["problem critical damaged"]);
  await project.back({ minutesAgo: 5 });
  await look();
  expect(heard()).toEqual([]);
});

test("asks again at the next look when nobody could be told of damage, and forgets what is no longer damaged", async () => {
  const id = await project.back({ minutesAgo: 60 });
  await project.back({ minutesAgo: 5 });
  await noteDamageTold(memory, "tree", [id, "20200101T000000Z-full-aaaaaa"], (await project.open()).run);
  await look();
  expect([...(await listDamageTold(memory, "tree"))]).toEqual([]);
  await damage(id);
  const failing = async (): Promise<never> => {
    throw new HoldfastError("AlertUndelivered", "no connection");
  };
  await expect(look(0, failing)).rejects.toMatchObject({ name: "AlertUndelivered" });
  await look();
  expect(heard()).toEqual(["problem critical damaged"]);
});
