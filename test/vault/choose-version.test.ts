/** The choice of a version, and of a manifest, for whatever others wrote over it and under it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ObjectVersion } from "../../src/vault/object-store.ts";
import {
  chooseManifest,
  chooseVersion,
  describeHiding,
  groupVersions,
  hidesContent,
  showsFirst,
  wasPruned,
} from "../../src/vault/undelete/choose-version.ts";
import { toList } from "../support/streams.ts";

/** Newest first; each is a second older than the one before. */
function objectOf(kinds: readonly ("marker" | "genuine" | "forged")[], key = "k") {
  const versions: ObjectVersion[] = kinds.map((kind, index) => ({
    key,
    versionId: `${kind}-${index}`,
    isMarker: kind === "marker",
    isLatest: index === 0,
    bytes: kind === "marker" ? 0 : 5,
    etag: kind === "marker" ? "" : kind,
    modifiedAt: new Date(1_800_000_000_000 - index * 1_000),
  }));
  const genuine = new Set(versions.filter(({ versionId }) => versionId.startsWith("genuine")).map(({ versionId }) => versionId));
  return { object: { key, versions }, genuine };
}

const histories = fc.array(fc.constantFrom("marker" as const, "genuine" as const, "forged" as const), {
  minLength: 1,
  maxLength: 12,
});

describe("the version that is brought back", () => {
  it("is genuine, never a marker, and what lies over it is not", () => {
    fc.assert(
      fc.property(histories, (kinds) => {
        const { object, genuine } = objectOf(kinds);
        const choice = chooseVersion(object, genuine);
        expect(choice.choice).toBe(kinds[0] === "genuine" ? "current" : kinds.includes("genuine") ? "older" : "none");
        if (choice.choice !== "older") return;
        expect(genuine.has(choice.version.versionId)).toBe(true);
        expect(choice.above).toEqual(object.versions.slice(0, object.versions.indexOf(choice.version)));
        expect(choice.above.length).toBeGreaterThan(0);
        expect(choice.above.some(({ versionId }) => genuine.has(versionId))).toBe(false);
      }),
    );
  });

  it("is the same however much is forged over it and below it", () => {
    fc.assert(
      fc.property(histories, histories, (above, below) => {
        const forged = (kinds: typeof above) => kinds.map((kind) => (kind === "genuine" ? ("forged" as const) : kind));
        const { object, genuine } = objectOf([...forged(above), "genuine", ...forged(below)]);
        const choice = chooseVersion(object, genuine);
        expect(choice).toMatchObject({ choice: "older", version: { versionId: `genuine-${above.length}` } });
      }),
    );
  });

  it("is hidden when something lies over content, and by what lies on top", () => {
    fc.assert(
      fc.property(histories, (kinds) => {
        const { object } = objectOf(kinds);
        expect(hidesContent(object)).toBe(kinds.slice(1).some((kind) => kind !== "marker"));
        expect(describeHiding(object)).toEqual({
          by: kinds[0] === "marker" ? "deletion" : "overwriting",
          hiddenAt: object.versions[0]?.modifiedAt,
        });
      }),
    );
  });

  it("is no longer hidden once it was copied on top of what others wrote", () => {
    fc.assert(
      fc.property(histories, (kinds) => {
        const forged = kinds.map((kind) => (kind === "genuine" ? ("forged" as const) : kind));
        expect(showsFirst(objectOf(["genuine", ...forged, "genuine"]).object)).toBe(true);
        expect(showsFirst(objectOf([...forged, "genuine"]).object)).toBe(false);
        expect(showsFirst(objectOf(["genuine", ...forged, "forged"]).object)).toBe(false);
      }),
    );
  });

  it("is looked for among all versions of its key, wherever a page ends", async () => {
    const [a, b] = [objectOf(["marker", "genuine"], "a").object, objectOf(["forged"], "b").object];
    async function* listing() {
      yield* a.versions;
      yield* b.versions;
    }
    expect(await toList(groupVersions(listing()))).toEqual([a, b]);
  });
});

describe("a backup's manifest among several", () => {
  const vouching = (sha256: string) => ({ version: objectOf(["forged"]).object.versions[0] as ObjectVersion, sha256 });
  const digests = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 8 });

  it("has a seal that opens; of several with seals it is the oldest; without a seal it is none", () => {
    fc.assert(
      fc.property(digests, digests, (manifests, seals) => {
        const chosen = chooseManifest(manifests.map(vouching), seals.map(vouching));
        const sealed = manifests.filter((sha256) => seals.includes(sha256));
        expect(chosen).toBe(sealed.at(-1));
      }),
    );
  });

  it("is not changed by whatever a key holder writes later", () => {
    fc.assert(
      fc.property(digests, digests, (manifests, seals) => {
        expect(chooseManifest([...manifests, "own"].map(vouching), [...seals, "own"].map(vouching))).toBe("own");
      }),
    );
  });
});

describe("a backup that a prune deleted", () => {
  const at = (seconds: number) => new Date(1_800_000_000_000 + seconds * 1_000);
  const hour = 3_600;
  const versions = (...given: readonly (readonly [number, "content" | "marker"])[]) => ({
    key: "k",
    versions: given.map(([seconds, kind], index) => ({
      key: "k",
      versionId: `${kind}-${seconds}`,
      isMarker: kind === "marker",
      isLatest: index === 0,
      bytes: 1,
      etag: "",
      modifiedAt: at(seconds),
    })),
  });
  const tombstone = (from: number, to?: number) => ({
    ...(to === undefined ? versions([from, "content"]) : versions([to, "marker"], [from, "content"])),
    genuine: new Set([`content-${from}`]),
  });
  const hiddenAt = (seconds: number) => versions([seconds, "marker"], [0, "content"]);

  it("was hidden while its tombstone was there, whatever became of the tombstone since", () => {
    expect(wasPruned(hiddenAt(10 * hour), [tombstone(10 * hour - 1)])).toBe(true);
    expect(wasPruned(hiddenAt(10 * hour), [tombstone(10 * hour, 20 * hour)])).toBe(true);
  });

  it("is none whose tombstone came later, was taken back before, or was not signed", () => {
    expect(wasPruned(hiddenAt(10 * hour), [tombstone(12 * hour)])).toBe(false);
    expect(wasPruned(hiddenAt(10 * hour), [tombstone(8 * hour, 9 * hour)])).toBe(false);
    expect(wasPruned(hiddenAt(10 * hour), [{ ...tombstone(9 * hour), genuine: new Set() }])).toBe(false);
    expect(wasPruned(hiddenAt(10 * hour), [])).toBe(false);
  });

  it("is none whose manifest was written over, or is there", () => {
    expect(wasPruned(versions([10 * hour, "content"], [0, "content"]), [tombstone(9 * hour)])).toBe(false);
    expect(wasPruned(versions([0, "content"]), [tombstone(9 * hour)])).toBe(false);
  });

  it("is told by the first marker over its content, not by those that others put on top", () => {
    const twice = versions([50 * hour, "marker"], [10 * hour, "marker"], [0, "content"]);
    expect(wasPruned(twice, [tombstone(9 * hour)])).toBe(true);
    expect(wasPruned(twice, [tombstone(40 * hour)])).toBe(false);
  });
});
