import { describe, expect, it } from "vitest";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { listBackups } from "../../src/vault/catalogue.ts";
import { appendEvidence, type Evidence } from "../../src/vault/documents/evidence.ts";
import { commitManifest } from "../../src/vault/documents/manifest.ts";
import { examineAll, examineBackup } from "../../src/vault/examine-backup.ts";
import { findBackup } from "../../src/vault/find-backup.ts";
import { keyOf } from "../../src/vault/layout.ts";
import { makeFaultyStore } from "../support/faulty-store.ts";
import { listLost } from "../support/lost-backups.ts";
import { type MemoryStore, makeMemoryStore } from "../support/memory-store.ts";
import { sampleId, sampleManifest } from "../support/sample-backups.ts";
import { names, signedVault, testSigner } from "../support/signed-vault.ts";
import { toList } from "../support/streams.ts";

const now = new Date("2026-11-20T12:00:00Z");
const id = sampleId("2026-11-20T02:00:00Z");
/** Whether manifests are genuine is the pipeline's to ask. */
const authenticate = async (): Promise<void> => undefined;

async function commit(store: MemoryStore, checks: readonly Evidence["check"][]): Promise<void> {
  const { sha256 } = await commitManifest(store, sampleManifest("shop", id));
  for (const check of checks) await appendEvidence(signedVault(store), evidence(check, sha256), testSigner);
}

function evidence(check: Evidence["check"], manifestSha256: string, comparison?: Evidence["comparison"]): Evidence {
  const [source, at] = ["shop", now.toISOString()];
  return {
    formatVersion: 2,
    source,
    backupId: id,
    check,
    at,
    manifestSha256,
    holdfastVersion: "0",
    by: "test",
    findings: ["x"],
    reason: "y",
    ...(comparison === undefined ? {} : { comparison }),
  };
}

const examine = async (store: MemoryStore) => examineBackup(store, await findBackup(signedVault(store), id, now), authenticate);

describe("a state that is quoted", () => {
  const compared = { equal: true, objectsCompared: 1, rowsCompared: 1, bytesCompared: 1, differenceCount: 0, differences: [] };
  const leaving = (count: number) => ({ ...compared, leftOut: { count, objects: ["schema EXTENSION queue"], rows: 2 } });

  it("is proven but for the objects that the newest proof left out", async () => {
    const store = makeMemoryStore();
    const { sha256 } = await commitManifest(store, sampleManifest("shop", id));
    await appendEvidence(signedVault(store), evidence("proven", sha256, leaving(3)), testSigner);
    expect(await examine(store)).toMatchObject({ state: "proven", leftOut: 3 });
    // A verification since takes nothing from it; a proof of all does.
    await appendEvidence(signedVault(store), evidence("verified", sha256), testSigner);
    expect(await examine(store)).toMatchObject({ state: "proven", leftOut: 3 });
    await appendEvidence(signedVault(store), evidence("proven", sha256, compared), testSigner);
    expect(await examine(store)).not.toHaveProperty("leftOut");
  });

  it("says nothing of what was left out where the proof does not hold", async () => {
    const store = makeMemoryStore();
    const { sha256 } = await commitManifest(store, sampleManifest("shop", id));
    await appendEvidence(signedVault(store), evidence("proven", sha256, leaving(3)), testSigner);
    await appendEvidence(signedVault(store), evidence("damaged", sha256), testSigner);
    expect(await examine(store)).not.toHaveProperty("leftOut");
    const other = makeMemoryStore();
    await commitManifest(other, sampleManifest("shop", id));
    await appendEvidence(signedVault(other), evidence("proven", "f".repeat(64), leaving(3)), testSigner);
    expect(await examine(other)).not.toHaveProperty("leftOut");
  });

  it.each([
    [["verified"], "verified"],
    [["verified", "proven"], "proven"],
    [["suspicious", "accepted"], "verified"],
    [["proven", "damaged"], "damaged"],
    [[], "stored"],
  ] as const)("is what documents that can be read bear out: %j is %s", async (checks, state) => {
    const store = makeMemoryStore();
    await commit(store, checks);
    expect(await examine(store)).toMatchObject({ state, problems: [] });
  });

  it.each(["verified", "proven", "accepted", "suspicious"] as const)(
    "is damaged when evidence %s is empty, or no JSON",
    async (check) => {
      for (const text of ["", "x", "[".repeat(200_000)]) {
        const store = makeMemoryStore();
        await commit(store, ["verified"]);
        await store.put(names.evidence("shop", id, new Date(now.getTime() + 1000), check), Buffer.from(text));
        expect(await examine(store)).toMatchObject({ state: "damaged", problems: [expect.stringContaining(`-${check}-`)] });
      }
    },
  );

  it("is damaged when an empty manifest has empty evidence, and when an empty manifest has none", async () => {
    const store = makeMemoryStore();
    await store.put(keyOf.manifest("shop", id), Buffer.from(""));
    expect(await examine(store)).toMatchObject({ state: "damaged", problems: [expect.stringContaining("manifests/shop/")] });
    await store.put(names.evidence("shop", id, now, "proven"), Buffer.from(""));
    expect(await examine(store)).toMatchObject({ state: "damaged" });
  });

  it("is damaged when the manifest is another than the evidence is about", async () => {
    const store = makeMemoryStore();
    await commit(store, ["verified", "proven"]);
    await store.delete(keyOf.manifest("shop", id));
    await commitManifest(store, sampleManifest("shop", id, { policySha256: "another" }));
    const examined = await examine(store);
    expect(examined).toMatchObject({ state: "damaged" });
    expect(examined?.problems.join()).toContain("about another manifest");
  });

  it("is at most stored when its manifest cannot be judged, and costs three documents beside it at most", async () => {
    const store = makeMemoryStore();
    await commit(store, ["verified", "proven", "suspicious", "accepted", "verified", "verified", "proven"]);
    const counted = makeFaultyStore(store, []);
    await examineBackup(counted, await findBackup(signedVault(store), id, now), authenticate);
    expect(counted.calls.filter((call) => call.startsWith("get"))).toHaveLength(4);
    await store.put(keyOf.manifest("shop", id), Buffer.from('{"formatVersion":3}'));
    expect(await examine(store)).toMatchObject({ state: "stored", unread: expect.stringContaining("newer Holdfast") });
  });

  it("leaves out what was deleted since it was listed, and passes a failing store's error on after what came before", async () => {
    const store = makeMemoryStore();
    await commit(store, ["verified"]);
    const listed = await toList(listBackups(signedVault(store), { now }));
    const entries = async function* () {
      yield* listed;
      throw new Error("the listing broke off");
    };
    const seen: string[] = [];
    const run = async (): Promise<void> => {
      for await (const entry of examineAll(store, entries(), authenticate)) seen.push(entry.id);
    };
    await expect(run()).rejects.toThrow("the listing broke off");
    expect(seen).toEqual([id]);
    await store.delete(keyOf.manifest("shop", id));
    seen.length = 0;
    await expect(run()).rejects.toThrow("the listing broke off");
    expect(seen).toEqual([]);
  });
});

describe("a lost manifest", () => {
  const other = sampleId("2026-11-21T02:00:00Z");

  it("is told by the evidence that is left, unless Holdfast deleted it", async () => {
    const store = makeMemoryStore();
    await commit(store, ["verified", "proven"]);
    expect(await listLost(signedVault(store))).toEqual([]);
    await store.put(keyOf.artifact("shop", other, "data"), Buffer.from("x"));
    expect(await listLost(signedVault(store))).toEqual([]);
    await store.put(names.evidence("shop", other, now, "verified"), Buffer.from(""));
    await store.delete(keyOf.manifest("shop", id));
    expect(await listLost(signedVault(store))).toEqual([id, other].map((each) => ({ source: "shop", id: each })));
    expect(await listLost(signedVault(store), "wiki")).toEqual([]);
    await store.put(names.tombstone("shop", id), Buffer.from("{}"));
    expect(await listLost(signedVault(store))).toEqual([{ source: "shop", id: other }]);
  });
});

describe("whether a manifest is genuine", () => {
  const refusing = (name: ConstructorParameters<typeof HoldfastError>[0]) => async (): Promise<void> => {
    throw new HoldfastError(name, `because of ${name}`);
  };
  const look = async (name: Parameters<typeof refusing>[0]) => {
    const store = makeMemoryStore();
    await commit(store, ["verified", "proven"]);
    return examineBackup(store, await findBackup(signedVault(store), id, now), refusing(name));
  };

  it("decides: one that is not is damaged, and one that is gone is gone", async () => {
    expect(await look("ManifestDamaged")).toMatchObject({ state: "damaged", problems: ["because of ManifestDamaged"] });
    expect(await look("BackupNotFound")).toBeUndefined();
  });

  it("is not known without a key, and the state stays as not checked", async () => {
    for (const name of ["KeyUnavailable", "KeyFileInvalid", "StoreAccessDenied", "ArtifactArchived"] as const) {
      expect(await look(name)).toMatchObject({ state: "proven", problems: [], unchecked: { name } });
    }
  });

  it("is not known where the key that made it is none of the policy's: then it is stored, at most", async () => {
    const examined = await look("KeyMissing");
    expect(examined).toMatchObject({ state: "stored", problems: [], unread: "because of KeyMissing" });
    expect(examined?.unchecked).toBeUndefined();
  });

  it("is asked of no other kind of failure: that one is passed on", async () => {
    await expect(look("StoreUnavailable")).rejects.toMatchObject({ name: "StoreUnavailable" });
  });
});
