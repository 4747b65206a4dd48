import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkNames, stateOf } from "../../src/vault/backup-state.ts";
import { listBackups, listSources } from "../../src/vault/catalogue.ts";
import { appendEvidence, type Evidence } from "../../src/vault/documents/evidence.ts";
import { findBackup } from "../../src/vault/find-backup.ts";
import { keyOf, parseEvidenceKey } from "../../src/vault/layout.ts";
import type { ListedObject } from "../../src/vault/object-store.ts";
import { makeFaultyStore } from "../support/faulty-store.ts";
import { type MemoryStore, makeMemoryStore } from "../support/memory-store.ts";
import { sampleId } from "../support/sample-backups.ts";
import { names, signedVault, testSigner } from "../support/signed-vault.ts";
import { toList } from "../support/streams.ts";

const anything = Buffer.from("x");
/** Later than everything in these tests. */
const now = new Date("2027-01-01T00:00:00Z");

async function addBackup(store: MemoryStore, source: string, id: string): Promise<void> {
  await store.put(keyOf.manifest(source, id), anything);
}

describe("the catalogue", () => {
  it("joins manifests, evidence and holds, whatever stands beside them, and reads no object", async () => {
    const sources = fc.constantFrom("a", "a-b", "a.b", "a0", "ab", "B", "z_9");
    const backup = fc.record({
      source: sources,
      day: fc.integer({ min: 1, max: 28 }),
      suffix: fc.integer({ min: 0, max: 3 }),
      checks: fc.array(fc.constantFrom(...checkNames), { maxLength: 4 }),
      held: fc.boolean(),
      committed: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(backup, { maxLength: 30 }), async (backups) => {
        const store = makeMemoryStore();
        const expected = new Map<string, unknown>();
        for (const { source, day, suffix, checks, held, committed } of backups) {
          const id = sampleId(`2026-11-${String(day).padStart(2, "0")}T02:00:00Z`, suffix);
          const name = `${source}/${id}`;
          if (expected.has(name) || store.objects.has(keyOf.artifact(source, id, "x"))) continue;
          await store.put(keyOf.artifact(source, id, "x"), anything);
          if (committed) await addBackup(store, source, id);
          for (const [index, check] of checks.entries())
            await store.put(names.evidence(source, id, new Date(Date.UTC(2026, 11, 1, 0, 0, index)), check), anything);
          if (held) await store.put(names.hold(source, id), anything);
          // Of each check, the newest.
          const newest = checks.filter((check, index) => checks.lastIndexOf(check) === index);
          if (committed) expected.set(name, { source, id, held, ...stateOf(checks), checks: newest });
        }
        for (const junk of ["manifests/.DS_Store", "manifests/a/notes.txt", "evidence/a/x/y.json", "holds/a/z", "other"])
          await store.put(junk, anything);
        const blind = makeFaultyStore(store, [{ operation: "get" }, { operation: "head" }]);
        const listed = await toList(listBackups(signedVault(blind), { now }));
        const plain = listed.map(({ source, id, held, state, suspicious, checks }) => ({
          source,
          id,
          held,
          state,
          suspicious,
          checks: checks.map(({ check }) => check),
        }));
        const inOrder = [...expected.entries()]
          .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
          .map(([, entry]) => entry);
        expect(plain).toEqual(inOrder);
        const unclaimed: string[] = [];
        for (const options of [{}, ...[...new Set(backups.map(({ source }) => source))].map((source) => ({ source }))]) {
          const found: string[] = [];
          const onUnclaimed = ({ source, id }: { source: string; id: string }): void => void found.push(`${source}/${id}`);
          expect(await toList(listBackups(signedVault(blind), { now, onUnclaimed, ...options }))).toEqual(
            listed.filter(({ source }) => !("source" in options) || options.source === source),
          );
          if ("source" in options) unclaimed.push(...found);
          else expect(found).toEqual([...new Set(found)]);
          const evident = [...store.objects.keys()].flatMap((key) => parseEvidenceKey(key) ?? []);
          const bare = evident.filter(({ source, id }) => !store.objects.has(keyOf.manifest(source, id)));
          const own = bare.filter(({ source }) => !("source" in options) || options.source === source);
          expect(new Set(found)).toEqual(new Set(own.map(({ source, id }) => `${source}/${id}`)));
        }
        expect(unclaimed).toEqual([...new Set(unclaimed)]);
        const [first] = listed;
        if (first !== undefined) {
          const own = await toList(listBackups(signedVault(store), { source: first.source, now }));
          expect(own).toEqual(listed.filter(({ source }) => source === first.source));
        }
        expect(await toList(listSources(blind))).toEqual([...new Set(listed.map(({ source }) => source))]);
      }),
      { numRuns: 60 },
    );
  });

  it("lists each source with one call", async () => {
    const store = makeMemoryStore();
    for (let day = 10; day < 28; day += 1)
      for (const source of ["a", "a-b", "b"]) await addBackup(store, source, sampleId(`2026-11-${day}T02:00:00Z`));
    const counted = makeFaultyStore(store, []);
    expect(await toList(listSources(counted))).toEqual(["a-b", "a", "b"]);
    expect(counted.calls).toHaveLength(4);
  });

  it("knows no backups of a source whose name cannot be one", async () => {
    expect(await toList(listBackups(signedVault(makeMemoryStore()), { source: "../etc", now }))).toEqual([]);
  });
});

describe("finding a backup", () => {
  const ids = [
    sampleId("2026-11-18T02:00:00Z"),
    sampleId("2026-11-19T02:00:00Z"),
    sampleId("2026-11-20T02:00:00Z"),
    sampleId("2026-11-20T14:00:00Z"),
  ];
  const [oldest = "", second = "", third = "", newest = ""] = ids;

  async function filled(): Promise<MemoryStore> {
    const store = makeMemoryStore();
    for (const id of ids) await addBackup(store, "shop", id);
    await addBackup(store, "wiki", sampleId("2026-11-19T02:00:00Z", 1));
    return store;
  }

  it.each([
    [third, third],
    ["20261118", oldest],
    ["20261120T14", newest],
    [`shop/${second.slice(0, 9)}`, second],
  ])("finds %s", async (reference, id) => {
    expect((await findBackup(signedVault(await filled()), reference, now)).id).toBe(id);
  });

  it("gives its state, evidence and hold", async () => {
    const store = await filled();
    await store.put(names.evidence("shop", third, new Date("2026-11-20T03:00:00Z"), "verified"), anything);
    await store.put(names.hold("shop", third), anything);
    expect(await findBackup(signedVault(store), third, now)).toMatchObject({
      source: "shop",
      kind: "full",
      startedAt: new Date("2026-11-20T02:00:00Z"),
      state: "verified",
      suspicious: false,
      held: true,
      checks: [{ check: "verified", at: "2026-11-20T03:00:00.000Z" }],
    });
    const listed = (await toList(listBackups(signedVault(store), { now }))).find(({ id }) => id === third);
    expect(listed).toMatchObject(await findBackup(signedVault(store), third, now));
  });

  it("lists the candidates of an ambiguous beginning", async () => {
    await expect(findBackup(signedVault(await filled()), "20261119", now)).rejects.toMatchObject({
      name: "UsageInvalid",
      details: [`shop/${second}`, `wiki/${sampleId("2026-11-19T02:00:00Z", 1)}`],
    });
    const many = makeMemoryStore();
    for (let suffix = 0; suffix < 15; suffix += 1) await addBackup(many, "shop", sampleId("2026-11-20T02:00:00Z", suffix));
    const error = await findBackup(signedVault(many), "2026", now).catch((problem: { details: string[] }) => problem);
    expect("details" in error && error.details).toHaveLength(11);
  });

  it.each([
    ["shop/20261119T03", [second, third]],
    ["20261119T03", [sampleId("2026-11-19T02:00:00Z", 1), third]],
    ["2025", [oldest]],
    ["2027", [newest]],
    ["wiki/20261120", [sampleId("2026-11-19T02:00:00Z", 1)]],
  ])("names the nearest to %s", async (reference, nearest) => {
    const error = await findBackup(signedVault(await filled()), reference, now).catch((problem: Error) => problem);
    expect(error).toMatchObject({ name: "BackupNotFound" });
    for (const id of nearest) expect("message" in error && error.message).toContain(id);
  });

  it("says of a vault without any that there is nothing to choose from", async () => {
    await expect(findBackup(signedVault(makeMemoryStore()), "2026", now)).rejects.toMatchObject({
      name: "BackupNotFound",
      message: expect.stringContaining("none to choose from"),
    });
  });

  it.each([
    "",
    "shop@",
    "@latest",
    "shop@yesterday",
    "shop@2026-11-20",
    "shop@2026-11-20T02:00:00",
    "shop@2026-13-20T02:00:00Z",
    "sh op@latest",
    "../x",
    "a/b/c",
    "2026*",
  ])("refuses %j", async (reference) => {
    await expect(findBackup(signedVault(await filled()), reference, now)).rejects.toMatchObject({ name: "UsageInvalid" });
  });
});

describe("what is dated in the future", () => {
  const today = new Date("2026-11-20T12:00:00Z");
  const id = sampleId("2026-11-20T02:00:00Z");
  const ahead = sampleId("2026-11-25T02:00:00Z");

  it.each([
    ["by years", "9999-12-31T23:59:59.999Z", "stored"],
    ["by six minutes", "2026-11-20T12:06:00.000Z", "stored"],
    ["by what clocks may differ", "2026-11-20T12:04:00.000Z", "proven"],
  ])("evidence %s counts or does not", async (_, at, state) => {
    const store = makeMemoryStore();
    await addBackup(store, "shop", id);
    await store.put(names.evidence("shop", id, new Date(at), "proven"), anything);
    for (const entry of [
      ...(await toList(listBackups(signedVault(store), { now: today }))),
      await findBackup(signedVault(store), id, today),
    ]) {
      expect(entry.state).toBe(state);
      expect(entry.checks.length + entry.futureChecks.length).toBe(1);
      expect(entry.futureChecks).toHaveLength(state === "stored" ? 1 : 0);
    }
  });

  it("never raises the time of new evidence, and takes no place in names", async () => {
    const store = makeMemoryStore();
    await addBackup(store, "shop", id);
    await store.put(names.evidence("shop", id, new Date("9999-12-31T23:59:59.999Z"), "proven"), anything);
    const { at } = await appendEvidence(signedVault(store), damagedAt(today), testSigner);
    expect(at).toBe(today.toISOString());
    const [entry] = await toList(listBackups(signedVault(store), { now: today }));
    expect(entry).toMatchObject({ state: "damaged", checks: [{ check: "damaged" }], futureChecks: [{ check: "proven" }] });
  });

  it("is found by its id, which says so", async () => {
    const store = makeMemoryStore();
    await addBackup(store, "shop", ahead);
    expect(await findBackup(signedVault(store), ahead, today)).toMatchObject({ id: ahead, future: true });
  });

  function damagedAt(at: Date): Evidence {
    return {
      formatVersion: 2,
      source: "shop",
      backupId: id,
      check: "damaged",
      at: at.toISOString(),
      manifestSha256: "",
      holdfastVersion: "0",
      by: "test",
      findings: ["bits flipped"],
    };
  }
});

describe("a source's directory that is something else", () => {
  it("is named, after everything else was listed", async () => {
    const store = makeMemoryStore();
    await addBackup(store, "shop", sampleId("2026-11-20T02:00:00Z"));
    async function* list(prefix: string): AsyncGenerator<ListedObject> {
      if (prefix === "manifests/") yield { key: "manifests/hidden", odd: "a symbolic link", bytes: 0, modifiedAt: now };
      yield* store.list(prefix);
    }
    const listed: string[] = [];
    const listing = async (): Promise<void> => {
      for await (const { source } of listBackups(signedVault({ ...store, list }), { now })) listed.push(source);
    };
    await expect(listing()).rejects.toMatchObject({ name: "VaultInvalid", message: expect.stringContaining("manifests/hidden") });
    expect(listed).toEqual(["shop"]);
  });
});
