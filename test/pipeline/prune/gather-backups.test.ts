/** What retention is told of a source's backups. */
import { describe, expect, test } from "vitest";
import { findReaders, gatherBackups } from "../../../src/pipeline/prune/gather-backups.ts";
import { readReusedArtifacts } from "../../../src/pipeline/prune/reused-artifacts.ts";
import type { BackupKind, SourceConfig } from "../../../src/policy/policy.ts";
import type { CheckName } from "../../../src/vault/backup-state.ts";
import { listBackups } from "../../../src/vault/catalogue.ts";
import { appendEvidence } from "../../../src/vault/documents/evidence.ts";
import { encodeManifest, type Manifest } from "../../../src/vault/documents/manifest.ts";
import { markReading } from "../../../src/vault/documents/read-marks.ts";
import { keyOf } from "../../../src/vault/layout.ts";
import { makeMemoryContext, memorySealing, memoryVault } from "../../support/memory-context.ts";
import { type MemoryStore, makeMemoryStore } from "../../support/memory-store.ts";
import { sampleBase, sampleEvidence, sampleId, sampleManifest } from "../../support/sample-backups.ts";
import { commitSealed } from "../../support/sealed-backups.ts";
import { names, signedNames, signedVault, testSigner, testVaultId } from "../../support/signed-vault.ts";
import { toList } from "../../support/streams.ts";

const now = new Date("2026-11-20T12:00:00Z");
const settledMs = Date.parse("2026-11-18T12:00:00Z");
const source = { name: "shop", engine: "postgres", traits: { chains: { incremental: "latest" }, reuses: {} } };
const thief = signedNames(testVaultId, 99);
const idOf = (hour: number, kind: BackupKind = "full"): string =>
  sampleId(new Date(Date.UTC(2026, 10, 10, hour)).toISOString()).replace("-full-", `-${kind}-`);

async function add(store: MemoryStore, id: string, checks: readonly CheckName[] = [], base?: Manifest): Promise<Manifest> {
  const on = base === undefined ? {} : sampleBase(base.id, encodeManifest(base).sha256);
  const manifest = sampleManifest("shop", id, on);
  const { sha256 } = await commitSealed(store, manifest, memorySealing);
  for (const [index, check] of checks.entries()) {
    const at = `2026-11-1${index + 1}T00:00:00.000Z`;
    await appendEvidence(signedVault(store), { ...sampleEvidence("shop", id, check, at), manifestSha256: sha256 }, testSigner);
  }
  return manifest;
}

async function gather(store: MemoryStore, readers: ReadonlyMap<string, string> = new Map()) {
  const { context, warnings } = makeMemoryContext({ now, source: source as unknown as SourceConfig });
  const backups = await toList(listBackups(signedVault(store), { now, onForged: () => undefined }));
  const history = { source: "shop", backups, unclaimed: [] };
  const vault = memoryVault(store);
  const readReused = () => readReusedArtifacts(context, vault, "shop");
  const gathered = await gatherBackups(context, vault, history, readers, settledMs, readReused);
  return { warnings, of: new Map(gathered.map((each) => [each.id, each])), gathered };
}

describe("a backup that retention judges", () => {
  test("has its state, its times and what reads it; its checks count as settled by the store's own time", async () => {
    const store = makeMemoryStore(() => new Date("2026-11-19T00:00:00Z"));
    await add(store, idOf(1), ["verified", "suspicious"]);
    await add(store, idOf(2), ["verified"]);
    const old = [...store.objects.keys()].find((key) => key.startsWith(keyOf.evidencePrefix("shop", idOf(2)))) ?? "";
    const object = store.objects.get(old);
    if (object !== undefined) object.modifiedAt = new Date(settledMs);
    const { of, warnings } = await gather(store, new Map([[idOf(2), "restore by ada"]]));
    expect(of.get(idOf(1))).toMatchObject({
      kind: "full",
      startedAtMs: Date.UTC(2026, 10, 10, 1),
      storedAtMs: Date.parse("2026-11-19T00:00:00Z"),
      state: "verified",
      suspicious: true,
      settled: { state: "stored", suspicious: false },
      held: false,
      parent: null,
      readBy: undefined,
      entry: { id: idOf(1) },
    });
    expect(of.get(idOf(2))).toMatchObject({ settled: { state: "verified" }, readBy: "restore by ada" });
    for (const each of of.values()) expect(each).not.toHaveProperty("distrust");
    expect(warnings).toEqual([]);
  });

  test("builds on what its manifest says, and is worth what its own checks say", async () => {
    const store = makeMemoryStore();
    const older = await add(store, idOf(1), ["damaged"]);
    await add(store, idOf(2), ["verified"]);
    await add(store, idOf(3, "incremental"), ["verified"], older);
    const { of } = await gather(store);
    expect(of.get(idOf(3, "incremental"))).toMatchObject({ parent: idOf(1), state: "verified" });
    expect(of.get(idOf(1))).toMatchObject({ parent: null, state: "damaged" });
  });

  test.each([
    ["by the rules of its kind where its manifest says nothing", [idOf(1)], idOf(1)],
    ["on nothing where there is nothing", [], null],
  ])("builds %s, and is not relied on", async (_, fulls, parent) => {
    const store = makeMemoryStore();
    for (const id of fulls) await add(store, id, ["damaged"]);
    const id = idOf(3, "incremental");
    await add(store, id, ["verified"]);
    await store.put(keyOf.manifest("shop", id), Buffer.from("x"));
    // Found damaged after this one began: by the keys alone, it was built on.
    const { of } = await gather(store);
    expect(of.get(id)).toMatchObject({ parent, state: "verified", distrust: expect.stringContaining("is not JSON") });
  });

  test("is damaged, and no more than that, where its own checks say so and its manifest says nothing", async () => {
    const store = makeMemoryStore();
    const id = idOf(3, "incremental");
    await add(store, id, ["damaged"]);
    await store.put(keyOf.manifest("shop", id), Buffer.from("x"));
    const { of } = await gather(store);
    expect(of.get(id)).toMatchObject({ state: "damaged" });
    expect(of.get(id)).not.toHaveProperty("distrust");
  });

  test("has no time of the store's where that was not listed", async () => {
    const store = makeMemoryStore();
    await add(store, idOf(1));
    const { context } = makeMemoryContext({ now, source: source as unknown as SourceConfig });
    const [{ storedAt: _storedAt, ...entry }] = (await toList(listBackups(signedVault(store), { now }))) as [
      Awaited<ReturnType<typeof gather>>["gathered"][number]["entry"],
    ];
    const vault = memoryVault(store);
    const readReused = () => readReusedArtifacts(context, vault, "shop");
    const history = { source: "shop", backups: [entry], unclaimed: [] };
    const [gathered] = await gatherBackups(context, vault, history, new Map(), settledMs, readReused);
    expect(gathered).toMatchObject({ id: idOf(1), storedAtMs: undefined });
  });
});

describe("what is held", () => {
  test("is so by a hold, and by one that the store only hides, which is said; others are free", async () => {
    const store = makeMemoryStore();
    for (const hour of [1, 2, 3]) await add(store, idOf(hour));
    await store.put(names.hold("shop", idOf(1)), Buffer.from("{}"));
    for (const hour of [1, 2]) store.hidden.set(names.hold("shop", idOf(hour), Buffer.from("y")), now);
    store.hidden.set(names.hold("wiki", idOf(3)), now);
    const { gathered, warnings } = await gather(store);
    expect(gathered.map(({ held }) => held)).toEqual([true, true, false]);
    expect(warnings).toEqual([expect.stringContaining(`the hold on ${idOf(2)} of "shop" was deleted at ${now.toISOString()}`)]);
  });

  test("is not so by what nobody signed: that is said, all in one line", async () => {
    const store = makeMemoryStore();
    for (const hour of [1, 2]) await add(store, idOf(hour));
    await store.put(thief.hold("shop", idOf(1)), Buffer.from("{}"));
    await store.put(thief.evidence("shop", idOf(2), now, "verified"), Buffer.from("{}"));
    const { gathered, warnings } = await gather(store);
    expect(gathered.map(({ held, state }) => [held, state])).toEqual([
      [false, "stored"],
      [false, "stored"],
    ]);
    expect(warnings).toEqual([expect.stringMatching(/^2 documents in memory:.* not signed with a key of the policy/)]);
  });
});

test("readers are named by what they read, and marks of dead ones listed, of this source alone", async () => {
  const store = makeMemoryStore();
  const mark = (of: string, backupId: string, at: Date) =>
    markReading(store, { source: of, backupId, now: at, token: "00", by: "ada", purpose: "restore", since: at.toISOString() });
  await mark("shop", idOf(1), now);
  await mark("shop", idOf(2), new Date("2026-11-10T00:00:00Z"));
  await mark("wiki", idOf(3), now);
  const { readers, dead } = await findReaders(makeMemoryContext({ now }).context, store, "shop");
  expect([...readers]).toEqual([[idOf(1), `restore by ada since ${now.toISOString()}`]]);
  expect(dead).toEqual([expect.stringContaining(idOf(2))]);
});
