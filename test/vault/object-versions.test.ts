import { beforeEach, describe, expect, it } from "vitest";
import { bringBack } from "../../src/vault/undelete/bring-back.ts";
import { toList } from "../support/streams.ts";
import { makeVersionedStore, type VersionedMemory } from "../support/versioned-store.ts";
import { testObjectVersions } from "./object-versions.contract.ts";

testObjectVersions("memory", async () => {
  const store = makeVersionedStore();
  return {
    store,
    hide: async (key) => store.hide(key),
    overwrite: async (key, content) => store.overwrite(key, content),
    dispose: async () => undefined,
  };
});

describe("bringing back with fewer rights", () => {
  let store: VersionedMemory;
  let first: string;
  const key = "manifests/tree/20261120T120000Z-full-abcdef.json";
  const options = { now: new Date(), signal: new AbortController().signal };
  beforeEach(async () => {
    store = makeVersionedStore();
    await store.put(key, Buffer.from("first"));
    if (store.versions === undefined) throw new Error("no versions");
    const [version] = await toList(store.versions.list(key));
    first = version?.versionId ?? "";
  });
  const back = async (): Promise<string | undefined> => {
    if (store.versions === undefined) throw new Error("no versions");
    await bringBack(store, store.versions, key, new Set([first]), options);
    return store.objects.get(key)?.bytes.toString();
  };

  it("copies over a marker that may not be removed", async () => {
    store.hide(key);
    store.rights.remove = false;
    store.rights.overwrite = false;
    expect(await back()).toBe("first");
  });

  it("copies over other content that may not be removed", async () => {
    store.overwrite(key, Buffer.from("ransom"));
    store.rights.remove = false;
    expect(await back()).toBe("first");
    expect(await toList(store.listHidden(key))).toEqual([]);
  });

  it("says what is not allowed, and changes nothing, where neither is", async () => {
    store.overwrite(key, Buffer.from("ransom"));
    Object.assign(store.rights, { overwrite: false, remove: false });
    await expect(back()).rejects.toMatchObject({ name: "StoreAccessDenied" });
    expect(store.objects.get(key)?.bytes.toString()).toBe("ransom");
  });

  it("ends where it is hidden again and again", async () => {
    store.hide(key);
    const { versions } = store;
    if (versions === undefined) throw new Error("no versions");
    const hostile = {
      ...versions,
      remove: async (version: Parameters<typeof versions.remove>[0]) => {
        const lock = await versions.remove(version);
        store.hide(key);
        return lock;
      },
    };
    await expect(bringBack(store, hostile, key, new Set([first]), options)).rejects.toMatchObject({ name: "StoreConflict" });
  });
});
