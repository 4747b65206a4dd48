/** The audit trail: who may add to it, what it notices, and what cannot stop it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AuditFacts, appendAudit, readTrail } from "../../src/vault/audit-trail.ts";
import type { AuditEntry } from "../../src/vault/documents/audit-entry.ts";
import { keyOf } from "../../src/vault/layout.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { type MemoryStore, makeMemoryStore } from "../support/memory-store.ts";
import { signedVault, signerOf, testSigner } from "../support/signed-vault.ts";
import { toList } from "../support/streams.ts";

const now = new Date("2026-12-01T00:00:00Z");
const until = new Date("2033-12-01T00:00:00Z");

const factsOf = (reason: string): AuditFacts => ({
  at: "2026-11-30T00:00:00.000Z",
  by: "ada@host:1",
  action: "hold.added",
  holdfastVersion: "0",
  source: "shop",
  reason,
});

const append = (store: ObjectStore, reason = "case 7", signer = testSigner): Promise<AuditEntry> =>
  appendAudit(signedVault(store), factsOf(reason), signer, until);

async function read(store: ObjectStore) {
  const items = await toList(readTrail(signedVault(store), now));
  return {
    reasons: items.flatMap((item) => ("problem" in item ? [] : [item.entry.reason])),
    problems: items.flatMap((item) => ("problem" in item ? [`${item.key} ${item.problem}`] : [])),
  };
}

async function makeTrail(count: number): Promise<MemoryStore> {
  const store = makeMemoryStore(() => now);
  for (let number = 1; number <= count; number += 1) await append(store, `reason ${number}`);
  return store;
}

const bytesOf = (store: MemoryStore, number: number): Buffer => {
  const object = store.objects.get(keyOf.auditEntry(number));
  if (object === undefined) throw new Error(`no entry ${number}`);
  return object.bytes;
};

describe("the audit trail", () => {
  it("is numbered from 1, each entry with the digest of the one before, and reads back whole", async () => {
    const store = await makeTrail(3);
    expect([...store.objects.keys()]).toEqual(["audit/0000000001.json", "audit/0000000002.json", "audit/0000000003.json"]);
    expect(await read(store)).toEqual({ reasons: ["reason 1", "reason 2", "reason 3"], problems: [] });
  });

  it("gives each of several writers at once an entry of its own", async () => {
    const store = makeMemoryStore(() => now);
    const made = await Promise.all(Array.from({ length: 12 }, (_, index) => append(store, String(index))));
    expect(made.map(({ number }) => number).sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
    const { reasons, problems } = await read(store);
    expect(problems).toEqual([]);
    expect(reasons.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, index) => index));
  });

  it("locks each entry where the vault locks", async () => {
    const store = makeMemoryStore(() => now, { locks: true });
    await append(store);
    await appendAudit(signedVault(store), factsOf("not locked"), testSigner, undefined);
    expect([...store.objects.values()].map(({ lock }) => lock?.until)).toEqual([until, undefined]);
  });

  it("takes nothing that no reader would take", async () => {
    const store = makeMemoryStore(() => now);
    await expect(append(store, "x".repeat(2_001))).rejects.toMatchObject({ name: "UsageInvalid" });
    await expect(append(store, " ")).rejects.toMatchObject({ name: "UsageInvalid" });
    expect(store.objects.size).toBe(0);
  });

  it("notices any one change of what was written, and goes on after it", async () => {
    const tamper = fc.oneof(
      fc.record({ what: fc.constant("bit" as const), number: fc.integer({ min: 1, max: 5 }), at: fc.nat(), bit: fc.nat(7) }),
      // The last entry cut off leaves a shorter trail that is whole (docs/threat-model.md).
      fc.record({ what: fc.constant("deleted" as const), number: fc.integer({ min: 1, max: 4 }) }),
      fc.record({
        what: fc.constant("copied" as const),
        number: fc.integer({ min: 1, max: 5 }),
        to: fc.integer({ min: 1, max: 7 }),
      }),
      fc.record({ what: fc.constant("planted" as const), to: fc.integer({ min: 1, max: 9 }) }),
    );
    const [five, elsewhere] = [await makeTrail(5), makeMemoryStore(() => now)];
    const genuine = (await read(five)).reasons;
    await append(elsewhere, "planted", signerOf(99));
    await fc.assert(
      fc.asyncProperty(tamper, async (change) => {
        const store = makeMemoryStore(() => now);
        for (const [key, { bytes }] of five.objects) await store.put(key, bytes);
        if (change.what === "bit") {
          const bytes = Buffer.from(bytesOf(store, change.number));
          const at = change.at % bytes.length;
          bytes[at] = (bytes[at] ?? 0) ^ (1 << change.bit);
          await store.put(keyOf.auditEntry(change.number), bytes);
        } else if (change.what === "deleted") store.objects.delete(keyOf.auditEntry(change.number));
        else if (change.what === "copied") {
          fc.pre(change.to !== change.number);
          await store.put(keyOf.auditEntry(change.to), bytesOf(store, change.number));
        } else await store.put(keyOf.auditEntry(change.to), bytesOf(elsewhere, 1));
        const found = await read(store);
        expect(found.problems).not.toEqual([]);
        for (const reason of found.reasons) expect(genuine).toContain(reason);
        await append(store, "afterwards");
        expect((await read(store)).reasons.at(-1)).toBe("afterwards");
      }),
      { numRuns: 60 },
    );
  });

  it("says what each problem is", async () => {
    const problemsAfter = async (change: (store: MemoryStore) => Promise<unknown> | undefined): Promise<string[]> => {
      const store = await makeTrail(3);
      await change(store);
      return (await read(store)).problems;
    };
    const put = (number: number, bytes: Uint8Array) => (store: MemoryStore) => store.put(keyOf.auditEntry(number), bytes);
    const foreign = makeMemoryStore(() => now);
    await appendAudit({ ...signedVault(foreign), id: "zzzzzzzzzzzzzzzzzzzzzzzzzz" }, factsOf("x"), testSigner, undefined);
    const [key2, key3, key4] = [2, 3, 4].map(keyOf.auditEntry);
    expect(await problemsAfter(async (store) => store.objects.delete(key2 ?? ""))).toEqual([
      `${key3} does not follow number 1: an entry between them is missing or was changed`,
    ]);
    expect(await problemsAfter(async (store) => store.objects.delete(keyOf.auditEntry(1)))).toEqual([
      `${key2} does not follow the beginning of the trail: an entry between them is missing or was changed`,
    ]);
    expect(await problemsAfter(put(4, bytesOf(foreign, 1)))).toEqual([`${key4} belongs to another vault`]);
    expect(await problemsAfter((store) => store.put(key4 ?? "", bytesOf(store, 2)))).toEqual([
      `${key4} is entry number 2 under another name`,
    ]);
    expect(await problemsAfter(put(4, Buffer.from("{}")))).toEqual([expect.stringContaining("cannot be read")]);
    expect(await problemsAfter((store) => store.put("audit/notes.txt", Buffer.from("x")))).toEqual([
      "audit/notes.txt is not an entry of an audit trail",
    ]);
    expect(await problemsAfter(async (store) => store.hidden.set(key3 ?? "", now))).toEqual([
      `${key3} was deleted at 2026-12-01T00:00:00.000Z; the bucket still has it`,
    ]);
    expect(
      await problemsAfter((store) =>
        appendAudit(signedVault(store), { ...factsOf("x"), at: "2027-01-01T00:00:00.000Z" }, testSigner, undefined),
      ),
    ).toEqual([`${key4} is dated in the future: 2027-01-01T00:00:00.000Z`]);
  });

  it("steps over what stands in the way of the next number, a link too", async () => {
    const store = await makeTrail(1);
    await store.put(keyOf.auditEntry(2), Buffer.from("no JSON"));
    const linked: ObjectStore = {
      ...store,
      async *list(prefix, options) {
        for await (const object of store.list(prefix, options)) {
          yield object.key === keyOf.auditEntry(2) ? { ...object, odd: "a symbolic link" } : object;
        }
      },
    };
    expect((await append(linked, "reason 3")).number).toBe(3);
    const { reasons, problems } = await read(linked);
    expect(reasons).toEqual(["reason 1", "reason 3"]);
    expect(problems).toEqual([`${keyOf.auditEntry(2)} is a symbolic link`]);
  });
});
