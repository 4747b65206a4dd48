import { describe, expect, it } from "vitest";
import { HoldfastError } from "../../../src/errors/holdfast-error.ts";
import { canonicalJson } from "../../../src/vault/documents/canonical-json.ts";
import { appendEvidence, listEvidence, readEvidence } from "../../../src/vault/documents/evidence.ts";
import { keyOf } from "../../../src/vault/layout.ts";
import { makeFaultyStore } from "../../support/faulty-store.ts";
import { makeMemoryStore } from "../../support/memory-store.ts";
import { sampleEvidence, sampleId } from "../../support/sample-backups.ts";
import { names, newestEvidence, signedNames, signedVault, testSigner, testVaultId } from "../../support/signed-vault.ts";

const id = sampleId("2026-11-20T02:00:00Z");
const at = "2026-11-20T03:00:00.000Z";

describe("evidence", () => {
  it("is added, listed and read, oldest first", async () => {
    const store = makeMemoryStore();
    await appendEvidence(signedVault(store), sampleEvidence("shop", id, "verified", at), testSigner);
    await appendEvidence(signedVault(store), sampleEvidence("shop", id, "proven", "2026-11-20T04:00:00.000Z"), testSigner);
    const listed = await listEvidence(store, "shop", id);
    expect(listed.map(({ check, at: when }) => [check, when])).toEqual([
      ["verified", at],
      ["proven", "2026-11-20T04:00:00.000Z"],
    ]);
    expect(await readEvidence(store, listed[0]?.key ?? "")).toEqual(sampleEvidence("shop", id, "verified", at));
    expect((await newestEvidence(store, "shop", id))?.check).toBe("proven");
    expect((await newestEvidence(store, "shop", id, "verified", "suspicious"))?.at).toBe(at);
    expect(await newestEvidence(store, "shop", id, "damaged")).toBeUndefined();
  });

  it("keeps all of what is found in one millisecond", async () => {
    const store = makeMemoryStore();
    const found = Array.from({ length: 20 }, (_, index) => ({ ...sampleEvidence("shop", id, "verified", at), by: `run ${index}` }));
    const added = await Promise.all(found.map((each) => appendEvidence(signedVault(store), each, testSigner)));
    expect(new Set(added.map(({ key }) => key)).size).toBe(20);
    const listed = await listEvidence(store, "shop", id);
    expect(listed).toHaveLength(20);
    for (const { key, at: when } of listed) expect(await readEvidence(store, key)).toMatchObject({ at: when });
  });

  it("puts what is found last behind all others, also when the clock was set back, and says what the clock said", async () => {
    const store = makeMemoryStore();
    // Within the tolerance between clocks: what is dated further ahead counts for nothing.
    await appendEvidence(signedVault(store), sampleEvidence("shop", id, "verified", "2026-11-20T03:04:00.000Z"), testSigner);
    const added = await appendEvidence(signedVault(store), sampleEvidence("shop", id, "damaged", at), testSigner);
    expect((await listEvidence(store, "shop", id)).map(({ check }) => check)).toEqual(["verified", "damaged"]);
    expect(await readEvidence(store, added.key)).toMatchObject({ at: "2026-11-20T03:04:00.001Z", clockAt: at });
  });

  it("keeps to its backup", async () => {
    const store = makeMemoryStore();
    await appendEvidence(signedVault(store), sampleEvidence("shop", id, "verified", at), testSigner);
    expect(await listEvidence(store, "shop", sampleId("2026-11-20T02:00:00Z", 1))).toEqual([]);
    expect(await listEvidence(store, "shop2", id)).toEqual([]);
  });

  it.each([
    ["damage without a finding", { check: "damaged", findings: [] }],
    ["a good check of no manifest", { manifestSha256: "" }],
    ["an acceptance without a reason", { check: "accepted", reason: " " }],
    ["an unknown member", { extra: 1 }],
    ["a time of another form", { at: "2026-11-20T03:00:00Z" }],
  ])("refuses to write %s", async (_, change) => {
    const store = makeMemoryStore();
    const broken = { ...sampleEvidence("shop", id, "verified", at), ...change } as ReturnType<typeof sampleEvidence>;
    await expect(appendEvidence(signedVault(store), broken, testSigner)).rejects.toMatchObject({ name: "Internal" });
    expect(store.objects.size).toBe(0);
  });

  it.each([
    ["no JSON", Buffer.from("{"), "EvidenceInvalid"],
    [
      "another backup's",
      canonicalJson(sampleEvidence("shop", sampleId("2026-11-20T02:00:00Z", 1), "verified", at)),
      "EvidenceInvalid",
    ],
    ["another check's", canonicalJson(sampleEvidence("shop", id, "proven", at)), "EvidenceInvalid"],
    ["another time's", canonicalJson(sampleEvidence("shop", id, "verified", "2026-11-20T03:00:00.001Z")), "EvidenceInvalid"],
    ["a newer format's", canonicalJson({ formatVersion: 3 }), "VaultInvalid"],
    ["a wrong type", canonicalJson({ ...sampleEvidence("shop", id, "verified", at), findings: "none" }), "EvidenceInvalid"],
  ])("refuses to read %s", async (_, bytes, name) => {
    const store = makeMemoryStore();
    const key = names.evidence("shop", id, new Date(at), "verified", bytes);
    await store.put(key, bytes);
    await expect(readEvidence(store, key)).rejects.toMatchObject({ name });
  });

  it("reads back every figure that a check can have", async () => {
    const store = makeMemoryStore();
    const digest = {
      algorithm: "a",
      objectCount: 1,
      rows: 2,
      bytes: 3,
      objects: [{ object: "table t", rows: 2, bytes: 3, columns: ["a"] }],
      sealed: ["AAAA"],
      digestKeyId: "0".repeat(16),
    };
    const comparison = {
      equal: false,
      objectsCompared: 1,
      rowsCompared: 2,
      bytesCompared: 3,
      differenceCount: 1,
      differences: [{ object: "table t", problem: "p" }],
    };
    const full = {
      ...sampleEvidence("shop", id, "disproven", at),
      digest,
      comparison,
      sourceCheck: comparison,
      loadFindings: [{ class: "damage" as const, subject: "s", message: "m" }],
      assertions: [{ name: "n", passed: false, expected: "1", actual: "0" }],
      timings: { load: 1.5 },
      objective: { rtoSeconds: 60, measuredSeconds: 1.25, met: true },
      place: { version: "17" },
    };
    const { key } = await appendEvidence(signedVault(store), full, testSigner);
    expect(await readEvidence(store, key)).toEqual(full);
  });

  it("is locked as long as its backup's manifest, where the vault locks", async () => {
    const store = makeMemoryStore(() => new Date(at), { locks: true });
    const retainUntil = new Date("2026-12-20T00:00:00Z");
    await store.put(keyOf.manifest("shop", id), Buffer.from("{}"), { retainUntil });
    const { key } = await appendEvidence(signedVault(store), sampleEvidence("shop", id, "verified", at), testSigner);
    expect(store.objects.get(key)?.lock?.until).toEqual(retainUntil);
  });

  it("is not put behind what is dated in the future, which counts for nothing", async () => {
    const store = makeMemoryStore();
    await store.put(names.evidence("shop", id, new Date("2026-11-21T00:00:00Z"), "proven"), Buffer.from("{}"));
    expect((await appendEvidence(signedVault(store), sampleEvidence("shop", id, "verified", at), testSigner)).at).toBe(at);
  });

  it("is not put behind what nobody signed, either", async () => {
    const store = makeMemoryStore();
    await store.put(
      signedNames(testVaultId, 99).evidence("shop", id, new Date("2026-11-20T03:02:00Z"), "proven"),
      Buffer.from("{}"),
    );
    const added = await appendEvidence(signedVault(store), sampleEvidence("shop", id, "verified", at), testSigner);
    expect(added.at).toBe(at);
  });

  it("is refused when its bytes are not those that were signed, however well they are formed", async () => {
    const store = makeMemoryStore();
    const { key } = await appendEvidence(signedVault(store), sampleEvidence("shop", id, "verified", at), testSigner);
    await store.put(key, canonicalJson({ ...sampleEvidence("shop", id, "verified", at), by: "somebody else" }));
    await expect(readEvidence(store, key)).rejects.toMatchObject({
      name: "EvidenceInvalid",
      message: expect.stringContaining("is not what was signed"),
    });
  });

  it("leaves what somebody else put beside it out of every list", async () => {
    const store = makeMemoryStore();
    await store.put(`${keyOf.evidencePrefix("shop", id)}README`, Buffer.from("x"));
    expect(await listEvidence(store, "shop", id)).toEqual([]);
    await expect(readEvidence(store, `${keyOf.evidencePrefix("shop", id)}README`)).rejects.toMatchObject({
      name: "EvidenceInvalid",
      message: expect.stringContaining("is not the key of evidence"),
    });
  });

  it("fails with the store's error when that cannot be written, and with the signer's", async () => {
    const silent = makeFaultyStore(makeMemoryStore(), [{ operation: "put" }]);
    await expect(appendEvidence(signedVault(silent), sampleEvidence("shop", id, "verified", at), testSigner)).rejects.toMatchObject(
      {
        name: "StoreUnavailable",
      },
    );
    expect(silent.calls.filter((call) => call.startsWith("put"))).toHaveLength(1);
    const store = makeMemoryStore();
    const sign = async () => Promise.reject(new HoldfastError("KeyUnavailable", "KMS is away"));
    const unsigned = appendEvidence(signedVault(store), sampleEvidence("shop", id, "verified", at), { ...testSigner, sign });
    await expect(unsigned).rejects.toMatchObject({ name: "KeyUnavailable" });
    expect(store.objects.size).toBe(0);
  });

  it("is not written twice by a run that asks again: its name says what stands there", async () => {
    let time = new Date(at);
    const store = makeMemoryStore(() => time);
    const first = await appendEvidence(signedVault(store), sampleEvidence("shop", id, "verified", at), testSigner);
    const blind = { ...store, async *list() {} };
    time = new Date("2026-11-20T05:00:00Z");
    expect(await appendEvidence(signedVault(blind), sampleEvidence("shop", id, "verified", at), testSigner)).toEqual(first);
    expect(store.objects.size).toBe(1);
    // The store's own time says since when the finding is known: it stays.
    expect(store.objects.get(first.key)?.modifiedAt).toEqual(new Date(at));
  });

  it("is found newest first, of any check or of those that are asked for", async () => {
    const store = makeMemoryStore();
    expect(await newestEvidence(store, "shop", id)).toBeUndefined();
    for (const [minute, check] of (["verified", "proven", "unproven"] as const).entries()) {
      await appendEvidence(signedVault(store), sampleEvidence("shop", id, check, `2026-11-20T03:0${minute}:00.000Z`), testSigner);
    }
    expect(await newestEvidence(store, "shop", id)).toMatchObject({ check: "unproven" });
    expect(await newestEvidence(store, "shop", id, "verified", "proven")).toMatchObject({ check: "proven" });
    expect(await newestEvidence(store, "shop", id, "disproven")).toBeUndefined();
  });

  it("of another source under its key is refused", async () => {
    const store = makeMemoryStore();
    const bytes = canonicalJson(sampleEvidence("wiki", id, "verified", at));
    const key = names.evidence("shop", id, new Date(at), "verified", bytes);
    await store.put(key, bytes);
    await expect(readEvidence(store, key)).rejects.toMatchObject({
      name: "EvidenceInvalid",
      message: expect.stringContaining("wiki"),
    });
  });

  it("is listed where a link or a pipe stands in its place, too: somebody put that there, and it cannot be read", async () => {
    const store = makeMemoryStore();
    const link = names.evidence("shop", id, new Date(at), "proven");
    const linked = {
      ...store,
      async *list(_prefix: string, { includeOdd }: { includeOdd?: boolean } = {}) {
        if (includeOdd) yield { key: link, bytes: 0, modifiedAt: new Date(at), odd: "a symbolic link" };
      },
    };
    expect((await listEvidence(linked, "shop", id)).map(({ key }) => key)).toEqual([link]);
  });
});
