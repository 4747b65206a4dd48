/** Which erasures a restored copy is freed of. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chooseErasures, type OpenedErasure, targetsOf } from "../../../src/pipeline/erasures/choose-erasures.ts";
import { readRequest } from "../../../src/pipeline/erasures/read-requests.ts";
import { type ErasureTarget, parseTable } from "../../../src/proof/erasure.ts";
import { canonicalJson } from "../../../src/vault/documents/canonical-json.ts";
import { findContentProblem } from "../../../src/vault/documents/erasure-entry.ts";

const dayMs = 86_400_000;
const point = Date.parse("2026-11-20T12:00:00Z");
const at = (ms: number): string => new Date(ms).toISOString();

const target = fc.record({
  schema: fc.constant("public"),
  table: fc.constantFrom("users", "orders"),
  key: fc.dictionary(fc.constantFrom("id", "email"), fc.constantFrom("1", "2"), { minKeys: 1 }),
});
const entry = fc
  .record({
    id: fc.constantFrom("a", "b", "c"),
    recorded: fc.integer({ min: -5 * dayMs, max: 5 * dayMs }),
    erased: fc.integer({ min: -5 * dayMs, max: 5 * dayMs }),
    targets: fc.array(target, { minLength: 1, maxLength: 3 }),
  })
  .map(
    ({ id, recorded, erased, targets }, number = 1): OpenedErasure => ({
      number,
      id,
      recordedAt: at(point + recorded),
      content: { erasedAt: at(point + erased), by: "x", reason: "y", targets },
    }),
  );

describe("the choice of erasures", () => {
  it("replays whatever was erased or recorded after the backup, and nothing that is a day older", () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 12 }), (entries) => {
        const { replayed, older } = chooseErasures(entries, at(point));
        const newest = ({ recordedAt, content }: OpenedErasure) => Math.max(Date.parse(recordedAt), Date.parse(content.erasedAt));
        for (const each of entries) {
          if (newest(each) >= point) expect(replayed).toContain(each);
          if (newest(each) < point - dayMs) expect(older).toContain(each);
        }
        expect(replayed.length + older.length).toBe(entries.length);
      }),
      { numRuns: 500 },
    );
  });

  it("gives each target once, and loses none", () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 8 }), (entries) => {
        const texts = (list: readonly ErasureTarget[]) => list.map((each) => Buffer.from(canonicalJson(each)).toString());
        const given = texts(entries.flatMap(({ content }) => content.targets));
        const found = texts(targetsOf(entries));
        expect(new Set(found)).toEqual(new Set(given));
        expect(found).toHaveLength(new Set(given).size);
      }),
    );
  });
});

describe("what people and events write", () => {
  it("is a request that a ledger takes, or is refused; whatever it is, and without a value in the words", () => {
    const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.double(), fc.anything());
    const written = fc.oneof(
      fc.anything(),
      fc.record(
        {
          table: fc.oneof(fc.constantFrom("public.users", '"S"."t.u"', "users", "a.b.c", ".", '"'), fc.string()),
          key: fc.oneof(fc.dictionary(fc.string(), value), fc.anything()),
          set: fc.oneof(fc.dictionary(fc.string(), value), fc.anything()),
          path: fc.oneof(fc.string(), fc.anything()),
          reason: fc.oneof(fc.string(), fc.anything()),
          at: fc.oneof(fc.constantFrom("2026-11-20T12:00:00Z", "yesterday"), fc.anything()),
          id: fc.string(),
          targets: fc.anything(),
        },
        { requiredKeys: [] },
      ),
    );
    fc.assert(
      fc.property(written, (given) => {
        const request = readRequest(given);
        if ("problem" in request) return;
        const { erasedAt = at(point), reason, reference, targets } = request;
        const content = { erasedAt, by: "x", reason, targets, ...(reference === undefined ? {} : { reference }) };
        // Limits of length are the ledger's own to tell.
        expect(findContentProblem(content) ?? "").toMatch(/^$|characters|columns|bytes/);
      }),
      { numRuns: 1_000 },
    );
  });

  it("repeats no value of a key in any message", () => {
    const secret = "ada-lovelace";
    const bad = [
      { table: "users", key: { email: secret }, reason: "x" },
      { table: "public.users", key: { email: [secret] }, reason: "x" },
      { table: "public.users", key: { email: secret } },
      { table: "public.users", key: { email: secret }, set: secret, reason: "x" },
      { table: "public.users", key: { email: secret }, reason: "x", at: secret },
      { path: [secret], reason: "x" },
    ];
    for (const given of bad) {
      const request = readRequest(given);
      expect(request).toHaveProperty("problem");
      expect(JSON.stringify(request)).not.toContain(secret);
    }
    const long = {
      erasedAt: at(point),
      by: "x",
      reason: "y",
      targets: [{ schema: "s", table: "t", key: { email: secret.repeat(500) } }],
    };
    expect(findContentProblem(long)).toMatch(/email is not a text/);
    expect(findContentProblem(long)).not.toContain(secret);
  });

  it("takes a table's two names as SQL does", () => {
    expect(parseTable("Public.Users")).toEqual({ schema: "public", table: "users" });
    expect(parseTable('"Sales"."Order.""Lines"""')).toEqual({ schema: "Sales", table: 'Order."Lines"' });
    for (const text of ["users", "a.b.c", "", ".", "a.", '"a', '"a"."b"x']) expect(parseTable(text)).toBeUndefined();
  });
});
