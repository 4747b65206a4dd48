import { describe, expect, it } from "vitest";
import { canonicalJson, sha256Hex } from "../../../src/vault/documents/canonical-json.ts";
import { commitManifest, readManifest, removeManifest } from "../../../src/vault/documents/manifest.ts";
import { keyOf } from "../../../src/vault/layout.ts";
import { makeFaultyStore } from "../../support/faulty-store.ts";
import { makeMemoryStore } from "../../support/memory-store.ts";
import { sampleId, sampleManifest } from "../../support/sample-backups.ts";

const id = sampleId("2026-11-20T02:00:00Z");
const other = sampleId("2026-11-20T02:00:00Z", 1);
const manifest = sampleManifest("shop", id);
const key = keyOf.manifest("shop", id);

describe("committing a manifest", () => {
  it("writes canonical JSON, whose checksum it gives, and reads it back", async () => {
    const store = makeMemoryStore();
    const { sha256 } = await commitManifest(store, manifest);
    expect(store.objects.get(key)?.bytes.equals(canonicalJson(manifest))).toBe(true);
    const read = await readManifest(store, "shop", id);
    expect(read.manifest).toEqual(manifest);
    expect(read.sha256).toBe(sha256);
    expect(sha256Hex(read.bytes)).toBe(sha256);
  });

  it("succeeds again with the very same bytes, and refuses any other", async () => {
    const store = makeMemoryStore();
    const first = await commitManifest(store, manifest);
    expect(await commitManifest(store, { ...manifest })).toEqual(first);
    await expect(commitManifest(store, { ...manifest, holdfastVersion: "0.2.0" })).rejects.toMatchObject({ name: "ObjectExists" });
    expect((await readManifest(store, "shop", id)).manifest.holdfastVersion).toBe("0.1.0");
  });

  it("finds a store that gives back other bytes than it was given", async () => {
    const store = makeMemoryStore();
    const lying = {
      ...store,
      put: (name: string, _body: unknown, options?: object) =>
        store.put(name, canonicalJson({ ...manifest, engine: "files" }), options),
    };
    await expect(commitManifest(lying, manifest)).rejects.toMatchObject({ name: "ManifestDamaged" });
  });

  it("passes on that the store cannot be reached, before and after the write", async () => {
    for (const when of ["before", "after"] as const) {
      const store = makeFaultyStore(makeMemoryStore(), [{ operation: "put", when }]);
      await expect(commitManifest(store, manifest)).rejects.toMatchObject({ name: "StoreUnavailable" });
      expect((await store.head(key)) !== undefined).toBe(when === "after");
    }
  });

  it("does not write a manifest that breaks the format", async () => {
    const store = makeMemoryStore();
    await expect(
      commitManifest(store, { ...manifest, base: { id: manifest.id, manifestSha256: "0".repeat(64) } }),
    ).rejects.toMatchObject({ name: "Internal" });
    await expect(commitManifest(store, { ...manifest, facts: { bad: Number.NaN } })).rejects.toMatchObject({ name: "Internal" });
    expect(store.objects.size).toBe(0);
  });

  it("does not write a manifest that no reader would take", async () => {
    const store = makeMemoryStore();
    const facts = { output: "x".repeat(5 * 1024 * 1024) };
    await expect(commitManifest(store, { ...manifest, facts })).rejects.toMatchObject({ name: "Internal" });
    expect(store.objects.size).toBe(0);
  });

  it("locks it where that is asked for", async () => {
    const store = makeMemoryStore(() => new Date("2026-11-20T00:00:00Z"), { locks: true });
    const retainUntil = new Date("2026-11-27T00:00:00Z");
    await commitManifest(store, manifest, { retainUntil });
    expect(store.objects.get(key)?.lock?.until).toEqual(retainUntil);
    expect(await removeManifest(store, "shop", id)).toEqual({ held: false, until: retainUntil });
    expect((await readManifest(store, "shop", id)).manifest).toEqual(manifest);
  });
});

describe("reading a manifest", () => {
  async function readBytes(bytes: Uint8Array, under = key): Promise<unknown> {
    const store = makeMemoryStore();
    await store.put(under, bytes);
    return readManifest(store, "shop", id);
  }

  it("says that there is no such backup", async () => {
    await expect(readManifest(makeMemoryStore(), "shop", id)).rejects.toMatchObject({
      name: "BackupNotFound",
      cause: { name: "ObjectNotFound" },
    });
  });

  it("does not take an unreachable store for an empty one", async () => {
    const store = makeFaultyStore(makeMemoryStore(), [{ operation: "get" }]);
    await expect(readManifest(store, "shop", id)).rejects.toMatchObject({ name: "StoreUnavailable" });
  });

  it.each([
    ["nothing", Buffer.alloc(0), "is not JSON"],
    ["half of it", canonicalJson(manifest).subarray(0, 100), "is not JSON"],
    ["bytes that are no UTF-8", Buffer.concat([canonicalJson(manifest).subarray(0, 20), Buffer.from([0xff, 0xfe])]), "is not JSON"],
    ["a list", Buffer.from("[]"), "is not an object"],
    ["spaces", Buffer.from(JSON.stringify(manifest, null, 1)), "canonical form"],
    ["a newline at the end", Buffer.concat([canonicalJson(manifest), Buffer.from("\n")]), "canonical form"],
    [
      "a member twice",
      Buffer.from(Buffer.from(canonicalJson(manifest)).toString().replace("{", '{"base":null,')),
      "canonical form",
    ],
    ["an unknown member", canonicalJson({ ...manifest, extra: 1 }), "manifest.extra is unknown"],
    ["another backup's manifest", canonicalJson(sampleManifest("shop", other)), other],
    ["another source's manifest", canonicalJson(sampleManifest("store", id)), '"store"'],
    [
      "a prototype",
      Buffer.from(Buffer.from(canonicalJson(manifest)).toString().replace('"facts":{}', '"__proto__":{"facts":{}}')),
      "facts is missing",
    ],
  ])("finds %s", async (_, bytes, says) => {
    await expect(readBytes(bytes)).rejects.toMatchObject({ name: "ManifestDamaged", message: expect.stringContaining(says) });
  });

  it("finds every flipped bit", async () => {
    const store = makeMemoryStore();
    const good = await commitManifest(store, manifest);
    const bytes = Buffer.from(canonicalJson(manifest));
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await store.put(key, flipped);
      // Either it is refused, or it reads as what evidence knows to be another manifest.
      const read = await readManifest(store, "shop", id).catch((error: Error) => error);
      if (read instanceof Error) expect(["ManifestDamaged", "VaultInvalid"]).toContain(read.name);
      else expect(read.sha256).not.toBe(good.sha256);
    }
  });

  it("tells a newer format from damage", async () => {
    const newer = canonicalJson({ formatVersion: 3, whatever: true });
    await expect(readBytes(newer)).rejects.toMatchObject({
      name: "VaultInvalid",
      message: expect.stringContaining("newer Holdfast"),
    });
  });
});

it("removing a manifest un-commits the backup, also twice", async () => {
  const store = makeMemoryStore();
  await commitManifest(store, manifest);
  await removeManifest(store, "shop", id);
  await removeManifest(store, "shop", id);
  await expect(readManifest(store, "shop", id)).rejects.toMatchObject({ name: "BackupNotFound" });
});
