import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { addHold, type Hold, listHolds, removeHold } from "../../src/vault/documents/holds.ts";
import { initVault, openVault } from "../../src/vault/documents/vault.ts";
import { keyOf } from "../../src/vault/layout.ts";
import { makeFaultyStore } from "../support/faulty-store.ts";
import { makeMemoryStore } from "../support/memory-store.ts";
import { sampleId } from "../support/sample-backups.ts";
import { names, signedVault, testSigner } from "../support/signed-vault.ts";
import { toList } from "../support/streams.ts";

const id = sampleId("2026-11-20T02:00:00Z");
const hold: Hold = { formatVersion: 2, source: "shop", backupId: id, by: "ada", reason: "case 7", at: "2026-11-20T03:00:00.000Z" };

describe("holds", () => {
  async function committed() {
    const store = makeMemoryStore();
    await store.put(keyOf.manifest("shop", id), Buffer.from("x"));
    return store;
  }

  it("are added once, listed and lifted, and can be added again", async () => {
    const store = await committed();
    await addHold(signedVault(store), hold, testSigner);
    await expect(addHold(signedVault(store), { ...hold, by: "bob" }, testSigner)).rejects.toMatchObject({
      name: "HoldActive",
      message: expect.stringContaining("by ada since 2026-11-20T03:00:00.000Z: case 7"),
    });
    expect(await toList(listHolds(signedVault(store)))).toEqual([hold]);
    expect(await toList(listHolds(signedVault(store), "shop"))).toEqual([hold]);
    expect(await toList(listHolds(signedVault(store), "wiki"))).toEqual([]);
    await removeHold(signedVault(store), "shop", id);
    expect(await toList(listHolds(signedVault(store)))).toEqual([]);
    await expect(removeHold(signedVault(store), "shop", id)).rejects.toMatchObject({ name: "BackupNotFound" });
    await addHold(signedVault(store), hold, testSigner);
  });

  it("can be added again where a store refuses to create over a delete marker", async () => {
    const store = await committed();
    let refused = 0;
    const versity = {
      ...store,
      put: async (key: string, body: Uint8Array | AsyncIterable<Uint8Array>, options?: { ifAbsent?: boolean }) => {
        const { HoldfastError } = await import("../../src/errors/holdfast-error.ts");
        if (options?.ifAbsent === true && refused++ === 0) throw new HoldfastError("ObjectExists", "a delete marker");
        return store.put(key, body, options);
      },
    };
    await addHold(signedVault(versity), hold, testSigner);
    expect(await toList(listHolds(signedVault(store)))).toEqual([hold]);
  });

  it("need a backup, a reason and a name", async () => {
    await expect(addHold(signedVault(makeMemoryStore()), hold, testSigner)).rejects.toMatchObject({ name: "BackupNotFound" });
    for (const change of [{ reason: " " }, { by: "" }, { at: "now" }]) {
      await expect(addHold(signedVault(await committed()), { ...hold, ...change }, testSigner)).rejects.toMatchObject({
        name: "UsageInvalid",
      });
    }
  });

  it.each([
    "",
    "{}",
    JSON.stringify({ ...hold, backupId: sampleId("2026-11-21T02:00:00Z") }),
    JSON.stringify({ ...hold, extra: 1 }),
  ])("are never taken for none when they cannot be read: %j", async (text) => {
    const store = await committed();
    await store.put(names.hold("shop", id), Buffer.from(text));
    expect(await toList(listHolds(signedVault(store)))).toEqual([
      { source: "shop", backupId: id, problem: expect.stringContaining("holds/shop/") },
    ]);
    await expect(addHold(signedVault(store), hold, testSigner)).rejects.toMatchObject({ name: "VaultInvalid" });
  });
});

describe("a vault", () => {
  let time = 0;
  const options = {
    clock: { now: () => new Date(Date.UTC(2026, 10, 20) + time++), monotonicMs: () => 0 },
    randomBytes: (count: number) => randomBytes(count),
    holdfastVersion: "0.1.0",
    restoreInstructions: async () => "# How to restore\n",
  };

  it("begins once, with its instructions, also when several begin it at once", async () => {
    const store = makeMemoryStore();
    const documents = await Promise.all([initVault(store, options), initVault(store, options), initVault(store, options)]);
    expect(new Set(documents.map(({ createdAt }) => createdAt)).size).toBe(1);
    const vaultId = documents[0]?.vaultId ?? "";
    expect(new Set(documents.map((document) => document.vaultId))).toEqual(new Set([vaultId]));
    expect(vaultId).toMatch(/^[0-7][0-9a-hjkmnp-tv-z]{25}$/);
    expect([...store.objects.keys()].sort()).toEqual(["RESTORE.md", "holdfast.json"]);
    expect(store.objects.get("RESTORE.md")?.bytes.toString()).toBe("# How to restore\n");
    expect(await initVault(store, { ...options, restoreInstructions: async () => "other" })).toEqual(documents[0]);
    expect(store.objects.get("RESTORE.md")?.bytes.toString()).toBe("# How to restore\n");
    expect(await openVault(store)).toMatchObject({
      formatVersion: 2,
      createdBy: "holdfast 0.1.0",
      sealingSuite: "0x0478",
      vaultId,
    });
  });

  it("is begun anew by the next run when the first died in between", async () => {
    const store = makeMemoryStore();
    const dying = makeFaultyStore(store, [{ operation: "put", key: /holdfast/ }]);
    await expect(initVault(dying, options)).rejects.toMatchObject({ name: "StoreUnavailable" });
    await expect(openVault(store)).rejects.toMatchObject({ name: "VaultNotFound" });
    await initVault(store, options);
    await openVault(store);
  });

  it.each(["manifests", "artifacts", "evidence", "holds", "erasures"])(
    "is damaged, and never made anew, without its document beside %s",
    async (room) => {
      const store = makeMemoryStore();
      await initVault(store, options);
      const key = `${room}/shop/20261120T020000Z-full-000000.json`;
      await store.put(key, Buffer.from("x"));
      await store.delete("holdfast.json");
      for (const open of [() => openVault(store), () => initVault(store, options)]) {
        await expect(open()).rejects.toMatchObject({ name: "VaultDamaged", message: expect.stringContaining(key) });
      }
      expect(store.objects.has("holdfast.json")).toBe(false);
    },
  );

  it("is damaged when its document was deleted and the bucket still has it", async () => {
    const store = makeMemoryStore();
    store.hidden.set("holdfast.json", new Date("2026-11-20T00:00:00Z"));
    await expect(initVault(store, options)).rejects.toMatchObject({
      name: "VaultDamaged",
      message: expect.stringContaining("deleted at 2026-11-20T00:00:00.000Z"),
    });
  });

  it.each([
    ["nothing", "", "is not JSON"],
    ["a newer format", '{"formatVersion":3}', "newer Holdfast"],
    [
      "another suite",
      '{"createdAt":"2026-11-20T00:00:00.000Z","createdBy":"x","formatVersion":2,"sealingSuite":"0x0014","vaultId":"0123456789abcdefghjkmnpqrs"}',
      "sealingSuite",
    ],
    ["an earlier format", '{"formatVersion":1}', "written by a development version of Holdfast, in format version 1"],
    ["something else", "[]", "is not an object"],
    [
      "no id that a vault can have",
      '{"createdAt":"2026-11-20T00:00:00.000Z","createdBy":"x","formatVersion":2,"sealingSuite":"0x0478","vaultId":"../x"}',
      "vaultId is not a vault's id",
    ],
  ])("is refused when its document holds %s", async (_, text, says) => {
    const store = makeMemoryStore();
    await store.put("holdfast.json", Buffer.from(text));
    for (const open of [() => openVault(store), () => initVault(store, options)]) {
      await expect(open()).rejects.toMatchObject({ name: "VaultInvalid", message: expect.stringContaining(says) });
    }
  });
});
