/** What every store that keeps versions must do, and what bringing an object back does in it. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ObjectStore, ObjectVersion, ObjectVersions } from "../../src/vault/object-store.ts";
import { bringBack, readVersions } from "../../src/vault/undelete/bring-back.ts";
import { collect, toList } from "../support/streams.ts";

export interface VersionsUnderTest {
  readonly store: ObjectStore;
  /** A delete without a version, and a write over an object, as others do them. */
  hide(key: string): Promise<void>;
  overwrite(key: string, content: Uint8Array): Promise<void>;
  dispose(): Promise<void>;
}

const bytesOf = (text: string) => Buffer.from(text);

export function testObjectVersions(name: string, open: () => Promise<VersionsUnderTest>): void {
  describe(`${name} as a store that keeps versions`, () => {
    let place: VersionsUnderTest;
    let store: ObjectStore;
    let versions: ObjectVersions;
    beforeEach(async () => {
      place = await open();
      store = place.store;
      if (store.versions === undefined) throw new Error("it has no versions");
      versions = store.versions;
    });
    afterEach(() => place.dispose());

    const key = "artifacts/tree/20261120T120000Z-full-abcdef/part.tar";
    const read = async (): Promise<string> => (await collect((await store.get(key)).body)).toString();
    const contentOf = async (version: ObjectVersion): Promise<string> =>
      (await collect((await versions.get(version)).body)).toString();
    /** The ids of the versions with this content. */
    const genuine = async (content: string): Promise<Set<string>> => {
      const found = new Set<string>();
      for (const version of (await readVersions(versions, key)).versions) {
        if (!version.isMarker && (await contentOf(version)) === content) found.add(version.versionId);
      }
      return found;
    };
    const back = async (content: string): Promise<void> => {
      const options = { now: new Date(), signal: new AbortController().signal };
      await bringBack(store, versions, key, await genuine(content), options);
    };

    it("says that it keeps them, and lists each key's newest first, markers among them", async () => {
      expect(await versions.areKept()).toBe(true);
      await store.put(key, bytesOf("first"), { ifAbsent: true });
      await store.put(`${key}-other`, bytesOf("other"));
      await place.overwrite(key, bytesOf("second!"));
      await place.hide(key);
      const listed = await toList(versions.list(key));
      expect(listed.map(({ key: of, isMarker, isLatest, bytes }) => [of, isMarker, isLatest, bytes])).toEqual([
        [key, true, true, 0],
        [key, false, false, 7],
        [key, false, false, 5],
        [`${key}-other`, false, true, 5],
      ]);
      expect(listed[2] && (await contentOf(listed[2]))).toBe("first");
      const gone = { key, versionId: listed[0]?.versionId ?? "" };
      await expect(versions.get(gone)).rejects.toMatchObject({ name: expect.stringMatching(/ObjectNotFound|VaultInvalid/) });
    });

    it("brings back what markers hide, however many, and adds no version", async () => {
      await store.put(key, bytesOf("first"), { ifAbsent: true });
      await place.hide(key);
      await place.hide(key);
      await back("first");
      expect(await read()).toBe("first");
      expect((await readVersions(versions, key)).versions).toHaveLength(1);
      await back("first");
      expect((await readVersions(versions, key)).versions).toHaveLength(1);
    });

    it("brings back what was written over, and adds no version", async () => {
      await store.put(key, bytesOf("first"), { ifAbsent: true });
      await place.overwrite(key, bytesOf("ransom"));
      await place.hide(key);
      await back("first");
      expect(await read()).toBe("first");
      expect((await readVersions(versions, key)).versions).toHaveLength(1);
    });

    it("brings nothing back where no version is genuine, and says so", async () => {
      await place.overwrite(key, bytesOf("ransom"));
      await place.hide(key);
      await expect(back("first")).rejects.toMatchObject({ name: "ObjectNotFound" });
      expect(await store.head(key)).toBeUndefined();
    });

    it("removes one version by its id", async () => {
      await store.put(key, bytesOf("first"));
      await place.overwrite(key, bytesOf("second"));
      const [newest] = (await readVersions(versions, key)).versions;
      if (newest === undefined) throw new Error("nothing listed");
      expect(await versions.remove(newest)).toBeUndefined();
      expect(await read()).toBe("first");
    });
  });
}
