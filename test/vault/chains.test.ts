/** What each backup builds on, and is worth with it, by keys alone: the cases one by one. */
import { describe, expect, it } from "vitest";
import type { BackupKind, BaseRules } from "../../src/policy/policy.ts";
import type { CheckName } from "../../src/vault/backup-state.ts";
import { type BackupEntry, entryOf } from "../../src/vault/catalogue.ts";
import { describeInherited, hasChains, resolveChains } from "../../src/vault/chains.ts";
import { parseEvidenceKey } from "../../src/vault/layout.ts";
import { makeMemoryStore } from "../support/memory-store.ts";
import { names, signedVault } from "../support/signed-vault.ts";

const rules: BaseRules = { incremental: "latest", differential: "latest-full", log: "latest" };
const vault = signedVault(makeMemoryStore());
/** A log on another kind of backup says in its id that it is the first. */
type NamedKind = BackupKind | "log-first";
const idOf = (kind: NamedKind, minute: number): string => `20261120T02${String(minute).padStart(2, "0")}00Z-${kind}-000000`;
const at = (minute: number): Date => new Date(Date.UTC(2026, 10, 20, 2, minute));

/** A backup begun in that minute, and what was found of it in which minutes. */
function entry(kind: NamedKind, minute: number, found: readonly (readonly [number, CheckName])[] = []): BackupEntry {
  const id = idOf(kind, minute);
  const checks = found.flatMap(([when, check]) => parseEvidenceKey(names.evidence("shop", id, at(when), check)) ?? []);
  const made = entryOf(vault, { source: "shop", id }, { checks, holds: [] }, at(50));
  if (made === undefined) throw new Error(`${id} is no id`);
  return made;
}

const basesOf = (entries: readonly BackupEntry[]) => resolveChains(entries, rules).map(({ base }) => base);
const full = (minute: number) => idOf("full", minute);

describe("what a backup builds on", () => {
  it("is asked only where a kind of the engine builds on another", () => {
    expect([hasChains({}), hasChains({ log: "latest" })]).toEqual([false, true]);
    expect(resolveChains([entry("incremental", 1)], {})[0]).not.toHaveProperty("base");
  });

  it("is the newest that its kind goes on from: a log from a log, a first log from what the one before it covers, others from no log", () => {
    const entries = [
      entry("full", 1),
      entry("log-first", 2),
      entry("log", 3),
      entry("incremental", 4),
      entry("differential", 5),
      entry("incremental", 6),
      entry("log", 7),
      entry("full", 8),
      entry("log-first", 9),
    ];
    expect(basesOf(entries)).toEqual([
      undefined,
      full(1),
      idOf("log-first", 2),
      full(1),
      full(1),
      idOf("differential", 5),
      idOf("log", 3),
      undefined,
      idOf("incremental", 6),
    ]);
  });

  it("is nothing where there is none that it could go on from", () => {
    const [alone] = resolveChains([entry("log", 1, [[2, "verified"]])], rules);
    expect(alone).toMatchObject({ base: "", state: "damaged", suspicious: false, own: { state: "verified", suspicious: false } });
    for (const kind of ["incremental", "differential", "log-first"] as const) expect(basesOf([entry(kind, 1)])).toEqual([""]);
  });

  it("is the newest of all for a first log that begins anew where the one before it covers no more than it stands on", () => {
    const entries = [entry("full", 1), entry("log-first", 2), entry("log", 3), entry("full", 4), entry("log-first", 5)];
    expect(basesOf(entries)[4]).toBe(full(4));
  });

  it("is none that was known to be damaged by then, to the second; one that was found damaged later still is it", () => {
    const damaged = (minute: number) => [
      entry("full", 1),
      entry("full", 2, [
        [3, "verified"],
        [minute, "damaged"],
        [minute + 1, "disproven"],
      ]),
      entry("incremental", 10),
    ];
    expect(basesOf(damaged(9))[2]).toBe(full(1));
    expect(basesOf(damaged(10))[2]).toBe(full(1));
    expect(basesOf(damaged(11))[2]).toBe(full(2));
  });

  it("is one that was damaged and found good again", () => {
    const repaired = entry("full", 2, [
      [3, "damaged"],
      [4, "verified"],
    ]);
    expect(basesOf([entry("full", 1), repaired, entry("incremental", 10)])[2]).toBe(full(2));
  });

  it("is nothing that builds on what is damaged", () => {
    const entries = [entry("full", 1), entry("full", 2, [[8, "damaged"]]), entry("incremental", 3), entry("incremental", 10)];
    expect(basesOf(entries)).toEqual([undefined, undefined, full(2), full(1)]);
  });

  it.each([
    [30, "log", ""],
    [31, "log", idOf("log", 32)],
    [31, "log-first", full(45)],
  ] as const)("is looked at 30 links down: above %i logs on a damaged full, a %s goes on from %j", (count, kind, expected) => {
    const logs = Array.from({ length: count }, (_, index) => entry(index === 0 ? "log-first" : "log", 2 + index));
    const entries = [entry("full", 1, [[40, "damaged"]]), ...logs, entry("full", 45), entry(kind, 50)];
    expect(basesOf(entries).at(-1)).toBe(expected);
  });

  it("may be a full beside one that was found damaged since: fulls build on nothing", () => {
    const entries = [entry("full", 1, [[8, "damaged"]]), entry("full", 2), entry("incremental", 10)];
    expect(basesOf(entries)).toEqual([undefined, undefined, full(2)]);
  });

  it("is nothing that is dated in the future", () => {
    const ahead = { ...entry("full", 2), future: true };
    expect(basesOf([entry("full", 1), ahead, entry("incremental", 3), entry("incremental", 4)]).slice(2)).toEqual([
      full(1),
      idOf("incremental", 3),
    ]);
  });

  it("is what its manifest says, where that was read", () => {
    const entries = [entry("full", 1), entry("full", 2), entry("incremental", 3), entry("incremental", 4), entry("log", 5)];
    const gone = idOf("full", 0);
    const bases = new Map([
      [idOf("incremental", 3), full(1)],
      [idOf("incremental", 4), gone],
      [idOf("log", 5), null],
    ]);
    const resolved = resolveChains(entries, rules, bases);
    expect(resolved.slice(2)).toMatchObject([
      { base: full(1), state: "stored" },
      { base: gone, state: "damaged" },
      { state: "stored" },
    ]);
    expect(resolved[4]).not.toHaveProperty("base");
  });
});

describe("what a backup is worth with what it builds on", () => {
  const good = [[20, "verified"]] as const;
  const worth = (base: readonly (readonly [number, CheckName])[], own: readonly (readonly [number, CheckName])[] = good) =>
    resolveChains([entry("full", 1, base), entry("incremental", 2, own)], rules)[1] as BackupEntry;

  it.each([
    [[], "stored", false, "which is not verified"],
    [[[20, "verified"]], "verified", false, undefined],
    [[[20, "suspicious"]], "verified", true, "which is suspicious"],
    [[[20, "damaged"]], "damaged", false, "which is damaged or missing"],
  ] as const)("is no more than a base with %j allows", (base, state, suspicious, says) => {
    const resolved = worth(base);
    expect(resolved).toMatchObject({ state, suspicious, own: { state: "verified", suspicious: false }, base: full(1) });
    if (says === undefined) expect(describeInherited(resolved)).toBeUndefined();
    else expect(describeInherited(resolved)).toBe(`it builds on ${full(1)}, ${says}`);
  });

  it("is proven by a restore of the whole chain, and stays suspicious by its own checks", () => {
    expect(worth([], [[20, "proven"]])).toMatchObject({ state: "proven" });
    expect(describeInherited(worth([], [[20, "proven"]]))).toBeUndefined();
    const suspicious = worth(good, [[20, "suspicious"]]);
    expect(suspicious).toMatchObject({ state: "verified", suspicious: true });
    expect(describeInherited(suspicious)).toBeUndefined();
  });

  it("says nothing of its base where it is damaged, or only stored, by itself", () => {
    expect(describeInherited(worth([[20, "damaged"]], [[20, "damaged"]]))).toBeUndefined();
    expect(describeInherited(worth([], []))).toBeUndefined();
  });

  it("says what is missing, and nothing of what stands alone or was listed by itself", () => {
    const [alone] = resolveChains([entry("log", 1, good)], rules);
    expect(describeInherited(alone as BackupEntry)).toBe("what it builds on is missing");
    const [standing] = resolveChains([entry("full", 1, good)], rules);
    expect(standing).toMatchObject({ own: { state: "verified" } });
    expect(describeInherited(standing as BackupEntry)).toBeUndefined();
    expect(describeInherited({ ...entry("log", 1), base: "" })).toBeUndefined();
  });
});
