/**
 * What a plan relies on is read before anything goes for it; what does not bear that out counts for
 * nothing.
 */
import { describe, expect, test } from "vitest";
import { HoldfastError } from "../../../src/errors/holdfast-error.ts";
import { type GatheredBackup, planOnTrust } from "../../../src/pipeline/prune/plan-on-trust.ts";
import type { RetentionBackup, RetentionPlan } from "../../../src/retention/plan-retention.ts";
import { listBackups } from "../../../src/vault/catalogue.ts";
import { appendEvidence } from "../../../src/vault/documents/evidence.ts";
import { keyOf } from "../../../src/vault/layout.ts";
import type { ObjectStore } from "../../../src/vault/object-store.ts";
import { makeFaultyStore } from "../../support/faulty-store.ts";
import { makeMemoryContext, memorySealing, memoryVault } from "../../support/memory-context.ts";
import { type MemoryStore, makeMemoryStore } from "../../support/memory-store.ts";
import { sampleEvidence, sampleId, sampleManifest } from "../../support/sample-backups.ts";
import { commitSealed } from "../../support/sealed-backups.ts";
import { signedVault, testSigner } from "../../support/signed-vault.ts";
import { slowManifests } from "../../support/slow-manifests.ts";
import { toList } from "../../support/streams.ts";

const now = new Date("2026-12-01T00:00:00Z");
const idOf = (hour: number, kind = "full"): string =>
  sampleId(new Date(Date.UTC(2026, 10, 1, hour)).toISOString()).replace("-full-", `-${kind}-`);

async function add(store: MemoryStore, id: string, check?: "verified" | "proven" | "damaged"): Promise<void> {
  const { sha256 } = await commitSealed(store, sampleManifest("shop", id), memorySealing);
  if (check === undefined) return;
  const evidence = { ...sampleEvidence("shop", id, check, "2026-11-10T00:00:00.000Z"), manifestSha256: sha256 };
  await appendEvidence(signedVault(store), evidence, testSigner);
}

const gather = async (store: MemoryStore): Promise<GatheredBackup[]> =>
  (await toList(listBackups(signedVault(store), { now }))).map((entry) => {
    const { id, kind, state, suspicious, held } = entry;
    return { entry, id, kind, state, suspicious, held, startedAtMs: entry.startedAt.getTime() };
  });

/** Keeps all but these, which go while there is something good that is relied on. */
const releasing =
  (...ids: readonly string[]) =>
  (backups: readonly RetentionBackup[]): RetentionPlan => {
    const isGood = ({ id, state, distrust }: RetentionBackup) =>
      !ids.includes(id) && distrust === undefined && (state === "verified" || state === "proven");
    const released = backups.some(isGood) ? ids : [];
    const decisions = backups.map(({ id }) => ({ id, kept: !released.includes(id), reasons: ["x"] }));
    return { decisions, released, refusals: [], unread: [] };
  };

async function rely(store: ObjectStore, gathered: readonly GatheredBackup[], plan: ReturnType<typeof releasing>, options = {}) {
  const { context, warnings } = makeMemoryContext({ now, ...options });
  const relied = await planOnTrust(context, memoryVault(store), gathered, plan);
  return { warnings, relied: Object.fromEntries(relied.map(({ id, ...rest }) => [id, rest])) };
}

const getsOf = (calls: readonly string[]): string[] =>
  calls.filter((call) => call.startsWith("get manifests/")).map((call) => call.slice("get manifests/shop/".length, -5));

describe("what a plan relies on", () => {
  test("is read where something goes: what it keeps as verified or proven, no log, and nothing else", async () => {
    const store = makeMemoryStore();
    const [gone, stored, verified, proven, damaged] = [0, 1, 2, 3, 4].map((hour) => idOf(hour)) as [
      string,
      string,
      string,
      string,
      string,
    ];
    const log = idOf(5, "log");
    const doubted = idOf(6);
    await add(store, gone, "verified");
    await add(store, stored);
    await add(store, damaged, "damaged");
    for (const id of [verified, log, doubted]) await add(store, id, "verified");
    await add(store, proven, "proven");
    const gathered = (await gather(store)).map((each) => (each.id === doubted ? { ...each, distrust: "a reason" } : each));
    const counted = makeFaultyStore(store, []);
    const { relied, warnings } = await rely(counted, gathered, releasing(gone));
    expect(getsOf(counted.calls).sort()).toEqual([verified, proven]);
    expect(Object.keys(relied)).toEqual(gathered.map(({ id }) => id));
    for (const { entry: _entry, id, ...rest } of gathered) expect(relied[id]).toEqual(rest);
    expect(warnings).toEqual([]);
  });

  test("is not read where nothing goes", async () => {
    const store = makeMemoryStore();
    await add(store, idOf(0), "verified");
    const counted = makeFaultyStore(store, []);
    const { relied } = await rely(counted, await gather(store), releasing());
    expect(counted.calls).toEqual([]);
    expect(relied[idOf(0)]).not.toHaveProperty("entry");
  });

  test("counts for nothing when its documents do not bear it out, and the plan is made again without it", async () => {
    const store = makeMemoryStore();
    for (const hour of [0, 1, 2]) await add(store, idOf(hour), "verified");
    const gathered = await gather(store);
    await store.put(keyOf.manifest("shop", idOf(1)), Buffer.from("x"));
    await store.put(keyOf.manifest("shop", idOf(2)), Buffer.from('{"formatVersion":3}'));
    const plans: number[] = [];
    const plan = (backups: readonly RetentionBackup[]): RetentionPlan => {
      plans.push(backups.filter(({ distrust }) => distrust !== undefined).length);
      return releasing(idOf(0))(backups);
    };
    const { relied, warnings } = await rely(store, gathered, plan);
    expect(relied[idOf(1)]).toMatchObject({ state: "verified", distrust: expect.stringContaining("is not JSON") });
    expect(relied[idOf(2)]).toMatchObject({ distrust: expect.stringContaining("newer Holdfast") });
    expect(relied[idOf(0)]).not.toHaveProperty("distrust");
    expect(plans).toEqual([0, 2]);
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toContain(`does not count on ${idOf(1)}: `);
  });

  test("is nothing that was deleted since it was listed", async () => {
    const store = makeMemoryStore();
    for (const hour of [0, 1]) await add(store, idOf(hour), "verified");
    const gathered = await gather(store);
    await store.delete(keyOf.manifest("shop", idOf(1)));
    expect((await rely(store, gathered, releasing(idOf(0)))).relied[idOf(1)]).toMatchObject({ distrust: "it was deleted" });
  });

  test("is read again as a plan turns to others", async () => {
    const store = makeMemoryStore();
    for (const hour of [0, 1, 2]) await add(store, idOf(hour), "verified");
    const gathered = await gather(store);
    await store.put(keyOf.manifest("shop", idOf(2)), Buffer.from("x"));
    // The newest that is good lets all others go.
    const plan = (backups: readonly RetentionBackup[]): RetentionPlan => {
      const newest = backups.findLast(({ distrust }) => distrust === undefined)?.id;
      const decisions = backups.map(({ id, distrust }) => ({ id, kept: id === newest || distrust !== undefined, reasons: ["x"] }));
      return { decisions, released: decisions.filter(({ kept }) => !kept).map(({ id }) => id), refusals: [], unread: [] };
    };
    const counted = makeFaultyStore(store, []);
    const { relied } = await rely(counted, gathered, plan);
    expect(getsOf(counted.calls)).toEqual([idOf(2), idOf(1)]);
    expect(relied[idOf(2)]).toHaveProperty("distrust");
    expect(relied[idOf(1)]).not.toHaveProperty("distrust");
  });
});

describe("what nobody can tell", () => {
  const away = new HoldfastError("KeyUnavailable", "KMS is away");

  test("ends the plan: whether a manifest that it relies on is genuine", async () => {
    const store = makeMemoryStore();
    for (const hour of [0, 1]) await add(store, idOf(hour), "verified");
    const keys = { ...memorySealing.keys, openingKeyring: async () => Promise.reject(away) };
    await expect(rely(store, await gather(store), releasing(idOf(0)), { keys })).rejects.toBe(away);
  });

  test("is of one backup where its seal lies in an archive: that one counts for nothing, the others do", async () => {
    const store = makeMemoryStore();
    for (const hour of [0, 1, 2]) await add(store, idOf(hour), "verified");
    const get: ObjectStore["get"] = async (key, options) => {
      if (key === keyOf.manifestSeal("shop", idOf(1))) throw new HoldfastError("ArtifactArchived", "it lies in GLACIER");
      return store.get(key, options);
    };
    const { relied, warnings } = await rely({ ...store, get }, await gather(store), releasing(idOf(0)));
    expect(relied[idOf(1)]).toMatchObject({ distrust: "it lies in GLACIER" });
    expect(relied[idOf(2)]).not.toHaveProperty("distrust");
    expect(warnings).toEqual([`retention does not count on ${idOf(1)}: it lies in GLACIER`]);
  });

  test("ends a plan that releases something: whether evidence is signed", async () => {
    const store = makeMemoryStore();
    for (const hour of [0, 1]) await add(store, idOf(hour), "verified");
    // Of the one that goes: nothing that is kept is in doubt.
    const gathered = (await gather(store)).map((each, place) =>
      place === 1 ? { ...each, entry: { ...each.entry, unchecked: away } } : each,
    );
    await expect(rely(store, gathered, releasing(idOf(1)))).rejects.toBe(away);
    expect(Object.keys((await rely(store, gathered, releasing())).relied)).toHaveLength(2);
  });

  test("is passed on: a store that is away", async () => {
    const store = makeMemoryStore();
    for (const hour of [0, 1]) await add(store, idOf(hour), "verified");
    const silent = makeFaultyStore(store, [{ operation: "get" }]);
    await expect(rely(silent, await gather(store), releasing(idOf(0)))).rejects.toMatchObject({ name: "StoreUnavailable" });
  });

  test("is asked of eight backups at once, and of all, until an interruption", async () => {
    const store = makeMemoryStore();
    for (let hour = 0; hour <= 20; hour += 1) await add(store, idOf(hour), "verified");
    const slow = slowManifests(store);
    const gathered = await gather(store);
    await rely(slow.store, gathered, releasing(idOf(0)), { signal: slow.signal });
    expect(slow.counts()).toEqual({ max: 8, begun: 20 });
    slow.interruptAt(21);
    await expect(rely(slow.store, gathered, releasing(idOf(0)), { signal: slow.signal })).rejects.toThrow("stop");
    expect(slow.counts().begun).toBe(28);
  });
});
