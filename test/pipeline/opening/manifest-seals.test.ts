/**
 * Whether a manifest was made with the vault's key: the answers one by one, without whole backups.
 */
import { describe, expect, test } from "vitest";
import { HoldfastError } from "../../../src/errors/holdfast-error.ts";
import { authenticatorOf, readAuthenticManifest, writeManifestSeal } from "../../../src/pipeline/opening/authentic-manifest.ts";
import { sealManifest } from "../../../src/sealing/manifest-seal.ts";
import { maxSmallMessageBytes } from "../../../src/sealing/small-message.ts";
import { commitManifest, encodeManifest } from "../../../src/vault/documents/manifest.ts";
import { keyOf } from "../../../src/vault/layout.ts";
import type { ObjectStore } from "../../../src/vault/object-store.ts";
import { makeFaultyStore } from "../../support/faulty-store.ts";
import { makeMemoryContext, memorySealing, memoryVault } from "../../support/memory-context.ts";
import { makeMemoryStore } from "../../support/memory-store.ts";
import { sampleId, sampleManifest } from "../../support/sample-backups.ts";
import { commitSealed } from "../../support/sealed-backups.ts";

const id = sampleId("2026-11-20T02:00:00Z");
const other = sampleId("2026-11-20T02:00:00Z", 1);
const manifest = sampleManifest("shop", id);
const { sha256 } = encodeManifest(manifest);
const seal = keyOf.manifestSeal("shop", id);

async function makeVault() {
  const store = makeMemoryStore();
  await commitSealed(store, manifest, memorySealing);
  return store;
}

const read = (store: ObjectStore, context = makeMemoryContext().context) =>
  readAuthenticManifest(context, memoryVault(store), "shop", id);
const sealFor = (change: { readonly sha256?: string; readonly source?: string; readonly id?: string; readonly vaultId?: string }) =>
  sealManifest(change.sha256 ?? sha256, {
    keys: memorySealing.keys,
    context: { vaultId: change.vaultId ?? memorySealing.vaultId, source: change.source ?? "shop", backupId: change.id ?? id },
  });

describe("a manifest with its seal", () => {
  test("is read, with its bytes and their SHA-256", async () => {
    expect(await read(await makeVault())).toMatchObject({ manifest, sha256 });
  });

  test("is asked for its seal once a run, and again when it is another", async () => {
    const store = await makeVault();
    const counted = makeFaultyStore(store, []);
    const { context } = makeMemoryContext();
    const seals = () => counted.calls.filter((call) => call === `get ${seal}`).length;
    await read(counted, context);
    await read(counted, context);
    expect(seals()).toBe(1);
    await store.delete(keyOf.manifest("shop", id));
    await commitManifest(store, { ...manifest, policySha256: "another" });
    await expect(read(counted, context)).rejects.toMatchObject({ name: "ManifestDamaged" });
    expect(seals()).toBe(2);
  });

  test.each([
    ["another manifest", { sha256: "f".repeat(64) }],
    ["another source's", { source: "wiki" }],
    ["another backup's", { id: other }],
    ["another vault's", { vaultId: "1123456789abcdefghjkmnpqrs" }],
  ])("is damaged when the seal is of %s", async (_, change) => {
    const store = await makeVault();
    await store.put(seal, await sealFor(change));
    await expect(read(store)).rejects.toMatchObject({
      name: "ManifestDamaged",
      message: expect.stringContaining(`the manifest of ${id} was not made with this vault's key: `),
    });
    await store.put(seal, await sealFor({}));
    await read(store);
  });

  test("is damaged without a seal, and with one that is none or is too large", async () => {
    const store = await makeVault();
    const { context } = makeMemoryContext();
    for (const [bytes, says] of [
      [undefined, "it has no seal"],
      [Buffer.from("x"), ""],
      [Buffer.alloc(maxSmallMessageBytes + 1), "larger"],
    ] as const) {
      if (bytes === undefined) await store.delete(seal);
      else await store.put(seal, bytes);
      await expect(read(store, context)).rejects.toMatchObject({
        name: "ManifestDamaged",
        message: expect.stringContaining(says),
      });
    }
    // What was refused is not remembered as genuine.
    await store.put(seal, await sealFor({}));
    await read(store, context);
  });

  test("is gone when it is deleted before its seal is read", async () => {
    const store = await makeVault();
    const deleting: ObjectStore = {
      ...store,
      async get(key, options) {
        if (key === seal) for (const each of [keyOf.manifest("shop", id), seal]) await store.delete(each);
        return store.get(key, options);
      },
    };
    await expect(read(deleting)).rejects.toMatchObject({ name: "BackupNotFound", message: expect.stringContaining(id) });
  });

  test("is neither genuine nor damaged where the store or the key is away", async () => {
    const store = await makeVault();
    const silent = makeFaultyStore(store, [{ operation: "get", key: /\/manifest$/ }]);
    await expect(read(silent)).rejects.toMatchObject({ name: "StoreUnavailable" });
    const keys = {
      ...memorySealing.keys,
      openingKeyring: async () => Promise.reject(new HoldfastError("KeyUnavailable", "KMS is away")),
    };
    const { context } = makeMemoryContext({ keys });
    await expect(read(store, context)).rejects.toMatchObject({ name: "KeyUnavailable" });
    const authenticate = authenticatorOf(context, memoryVault(store));
    await expect(authenticate({ source: "shop", id, sha256 })).rejects.toMatchObject({ name: "KeyUnavailable" });
    await authenticatorOf(makeMemoryContext().context, memoryVault(store))({ source: "shop", id, sha256 });
  });
});

describe("the seal of a manifest that is about to be committed", () => {
  const target = { ...memorySealing, source: "shop", backupId: id };

  test("opens as that manifest's, is locked like the backup, and replaces none", async () => {
    const now = new Date("2026-11-20T00:00:00Z");
    const retainUntil = new Date("2026-12-20T00:00:00Z");
    const store = makeMemoryStore(() => now, { locks: true });
    await writeManifestSeal({ ...target, store, retainUntil }, sha256, new AbortController().signal);
    expect(store.objects.get(seal)?.lock?.until).toEqual(retainUntil);
    await commitManifest(store, manifest);
    expect(await read(store)).toMatchObject({ sha256 });
    const again = writeManifestSeal({ ...target, store, retainUntil }, sha256, new AbortController().signal);
    await expect(again).rejects.toMatchObject({ name: "ObjectExists" });
  });

  test("is not written by a run that is interrupted", async () => {
    const store = makeMemoryStore();
    const signal = AbortSignal.abort(new Error("stop"));
    await expect(writeManifestSeal({ ...target, store }, sha256, signal)).rejects.toThrow("stop");
    expect(store.objects.size).toBe(0);
  });
});
