import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { checkNames, stateOf } from "../../src/vault/backup-state.ts";
import { checksStoredBy, judgeChecks, keepGenuine } from "../../src/vault/judge-checks.ts";
import { type EvidenceKey, parseEvidenceKey, type SignedKey } from "../../src/vault/layout.ts";
import { compareKeys } from "../../src/vault/object-key.ts";
import { sampleId } from "../support/sample-backups.ts";
import { lackingVerifier, signedNames, testVaultId, testVerifier } from "../support/signed-vault.ts";

const id = sampleId("2026-11-20T02:00:00Z");
const now = new Date("2027-01-01T00:00:00Z");
const vault = { id: testVaultId, verifier: testVerifier };
const makers = {
  genuine: signedNames(),
  "of another key": signedNames(testVaultId, 8),
  "of another vault": signedNames("1123456789abcdefghjkmnpqrs"),
};

type Maker = keyof typeof makers;
interface Piece {
  readonly check: (typeof checkNames)[number];
  readonly by: Maker;
  readonly minute: number;
}

function list(pieces: readonly Piece[]): (EvidenceKey & SignedKey)[] {
  const keys = pieces.map(({ check, by, minute }) =>
    makers[by].evidence("shop", id, new Date(Date.UTC(2026, 11, 1, 0, minute)), check),
  );
  return [...new Set(keys)].sort(compareKeys).flatMap((key) => parseEvidenceKey(key) ?? []);
}

const piece = fc.record({
  check: fc.constantFrom(...checkNames),
  by: fc.constantFrom<Maker>("genuine", "of another key", "of another vault"),
  minute: fc.integer({ min: 0, max: 30 }),
});
const pieces = fc.uniqueArray(piece, { maxLength: 14, selector: ({ minute }) => minute });

describe("evidence that counts", () => {
  it("gives the state of all that is signed, whatever else lies beside it", () => {
    fc.assert(
      fc.property(pieces, (all) => {
        const listed = list(all);
        const genuine = list(all.filter(({ by }) => by === "genuine"));
        const judged = judgeChecks(vault, listed, now);
        expect(stateOf(judged.checks.map(({ check }) => check))).toEqual(stateOf(genuine.map(({ check }) => check)));
        const isGenuine = new Set(genuine.map(({ key }) => key));
        for (const { key } of judged.checks) expect(isGenuine.has(key)).toBe(true);
        for (const key of judged.forged) expect(isGenuine.has(key)).toBe(false);
        // Nothing is left out: it counts, is forged, or lies behind what counts.
        const known = [...judged.checks, ...judged.earlier].map(({ key }) => key);
        expect([...known, ...judged.forged].sort(compareKeys)).toEqual(listed.map(({ key }) => key));
        expect(keepGenuine(vault, listed).map(({ key }) => key)).toEqual(genuine.map(({ key }) => key));
        expect(judged.unknown).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it("gives the state that it had at any time before, too", () => {
    fc.assert(
      fc.property(pieces, fc.integer({ min: 0, max: 30 }), (all, minute) => {
        const at = (each: EvidenceKey): EvidenceKey & SignedKey => ({
          ...(each as EvidenceKey & SignedKey),
          storedAt: new Date(each.at),
        });
        const { checks, earlier } = judgeChecks(vault, list(all).map(at), now);
        const byMs = Date.UTC(2026, 11, 1, 0, minute);
        const then = checksStoredBy(vault, { checks, earlierChecks: earlier }, byMs);
        const genuine = list(all.filter((each) => each.by === "genuine" && each.minute <= minute));
        expect(stateOf(then.map(({ check }) => check))).toEqual(stateOf(genuine.map(({ check }) => check)));
      }),
      { numRuns: 200 },
    );
  });

  it("costs one signature for each check that it has, whatever its number", () => {
    const many = Array.from(
      { length: 30 },
      (_, minute): Piece => ({ check: minute % 5 === 0 ? "proven" : "verified", by: "genuine", minute }),
    );
    let asked = 0;
    const counting = {
      id: vault.id,
      verifier: {
        verify: (...given: Parameters<typeof testVerifier.verify>) => {
          asked += 1;
          return testVerifier.verify(...given);
        },
      },
    };
    expect(judgeChecks(counting, list(many), now).checks).toHaveLength(2);
    expect(asked).toBe(2);
  });

  it("is as its names say where nobody can tell, and that is said", () => {
    const lacking = new HoldfastError("KeyUnavailable", "no key");
    const all: Piece[] = [
      { check: "verified", by: "genuine", minute: 1 },
      { check: "proven", by: "of another key", minute: 2 },
    ];
    const judged = judgeChecks({ id: vault.id, verifier: lackingVerifier(lacking) }, list(all), now);
    expect(judged).toMatchObject({ unknown: true, forged: [], checks: [{ check: "verified" }, { check: "proven" }] });
  });

  it("never counts, and never hides what does, when its name has no signature or another form of one", () => {
    const genuine = makers.genuine.evidence("shop", id, new Date(Date.UTC(2026, 11, 1)), "verified");
    const later = genuine.replace("20261201T000000000Z-verified", "20261202T000000000Z-proven");
    const changed = later.slice(0, -6);
    const last = later.at(-6) ?? "";
    // Of the last letter, four bits are not part of the signature.
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const twin = `${genuine.slice(0, -6) + alphabet[alphabet.indexOf(genuine.at(-6) ?? "") ^ 1]}.json`;
    const odd = [later, `${changed}.json`, `${changed}${last}${last}.json`, later.replace(/-[\w-]{130}\.json$/, ".json"), twin];
    const listed = [genuine, ...odd].sort(compareKeys).flatMap((key) => parseEvidenceKey(key) ?? []);
    const judged = judgeChecks(vault, listed, now);
    expect(judged.checks.map(({ key }) => key)).toEqual([genuine]);
    expect(judged.forged).toEqual(expect.arrayContaining(odd.filter((key) => key !== twin)));
  });

  it("says what is forged and what is dated in the future, oldest first, apart from what counts", () => {
    // With this clock, minutes up to ten are the past, five more the difference between two clocks.
    const then = new Date(Date.UTC(2026, 11, 1, 0, 10));
    const all: Piece[] = [
      { check: "verified", by: "genuine", minute: 1 },
      { check: "verified", by: "genuine", minute: 2 },
      { check: "proven", by: "of another key", minute: 3 },
      { check: "verified", by: "genuine", minute: 15 },
      { check: "verified", by: "genuine", minute: 16 },
      { check: "proven", by: "genuine", minute: 17 },
      { check: "proven", by: "of another vault", minute: 18 },
    ];
    const keys = list(all).map(({ key }) => key);
    const judged = judgeChecks(vault, list(all), then);
    const found = (those: readonly EvidenceKey[]) => those.map(({ key }) => keys.indexOf(key));
    expect(found(judged.checks)).toEqual([3]);
    expect(found(judged.earlier)).toEqual([0, 1]);
    expect(found(judged.future)).toEqual([4, 5]);
    expect(judged.forged.map((key) => keys.indexOf(key))).toEqual([2, 6]);
  });

  it("says when the store got each, and gives all at a time by that: without a time, it was always there", () => {
    const listed = list([
      { check: "verified", by: "genuine", minute: 1 },
      { check: "verified", by: "genuine", minute: 2 },
      { check: "verified", by: "genuine", minute: 3 },
      { check: "proven", by: "genuine", minute: 4 },
    ]).map((each, index) => ({ ...each, storedAt: index === 3 ? undefined : new Date(1000 * index) }));
    const { checks, earlier } = judgeChecks(vault, listed, now);
    expect([...earlier, ...checks].map(({ storedAt }) => storedAt?.getTime())).toEqual([0, 1000, 2000, undefined]);
    const at = (byMs: number) =>
      checksStoredBy(vault, { checks, earlierChecks: earlier }, byMs).map((each) => each.at.slice(14, 16));
    expect([at(2000), at(1999), at(1000), at(999), at(0)]).toEqual([
      ["03", "04"],
      ["02", "04"],
      ["02", "04"],
      ["01", "04"],
      ["01", "04"],
    ]);
  });

  it("that nobody signed hides none that was there before it, at a time before the newest", () => {
    const listed = list([
      { check: "verified", by: "genuine", minute: 1 },
      { check: "verified", by: "of another key", minute: 2 },
      { check: "verified", by: "genuine", minute: 3 },
    ]).map((each) => ({ ...each, storedAt: new Date(each.at) }));
    const { checks, earlier } = judgeChecks(vault, listed, now);
    const then = checksStoredBy(vault, { checks, earlierChecks: earlier }, Date.UTC(2026, 11, 1, 0, 2));
    expect(then.map((each) => each.at.slice(14, 16))).toEqual(["01"]);
  });

  it("is nothing whose key is none of evidence", () => {
    expect(keepGenuine(vault, [{ key: "evidence/shop/README", at: now.toISOString(), check: "proven" }])).toEqual([]);
  });
});
