/** Chains by keys alone, against what their dumps really built on, for any history. */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { BackupKind, BaseRules } from "../../src/policy/policy.ts";
import { type CheckName, stateOf } from "../../src/vault/backup-state.ts";
import type { BackupEntry } from "../../src/vault/catalogue.ts";
import { resolveChains } from "../../src/vault/chains.ts";
import { isFirstLog } from "../../src/vault/layout.ts";

const rules: BaseRules = { incremental: "latest", differential: "latest-full", log: "latest" };
const kinds: readonly BackupKind[] = ["full", "incremental", "differential", "log", "log", "log", "log", "log", "log"];

interface Event {
  readonly kind: BackupKind;
  /** Minutes, for what is not a log; one event comes a minute. */
  readonly took: number;
  /** Whether it is of its end or of its beginning. */
  readonly ofEnd: boolean;
  /** What is found of an earlier backup, counted from the newest, before this one is begun. */
  readonly found: readonly { readonly back: number; readonly check: CheckName }[];
}

const arbitraryHistory = fc.array(
  fc.record({
    kind: fc.constantFrom(...kinds),
    took: fc.constantFrom(0, 0, 1, 4),
    ofEnd: fc.boolean(),
    found: fc.array(
      fc.record({ back: fc.nat(6), check: fc.constantFrom<CheckName>("verified", "suspicious", "proven", "damaged", "disproven") }),
      { maxLength: 3 },
    ),
  }),
  { minLength: 1, maxLength: 25 },
);

interface Made {
  readonly id: string;
  readonly kind: BackupKind;
  readonly at: Date;
  readonly checks: { at: string; check: CheckName }[];
  base: string | null;
  /** Minutes. */
  readonly to: number;
  readonly committed: number;
}

const ownState = ({ checks }: Made) => stateOf(checks.map(({ check }) => check)).state;

/** Plays dumps as they choose: the newest sound one; of logs, what leaves no gap (ADR 0038). */
function play(events: readonly Event[]): Made[] {
  const made: Made[] = [];
  const byId = (id: string | null) => made.find((each) => each.id === id);
  const isSound = (each: Made): boolean => {
    if (ownState(each) === "damaged") return false;
    const base = byId(each.base);
    return each.base === null || (base !== undefined && isSound(base));
  };
  const anchorOf = (each: Made): Made => (each.kind === "log" ? anchorOf(byId(each.base) ?? each) : each);
  const chooseForLog = (there: readonly Made[]): Made | undefined => {
    const others = there.filter(({ kind }) => kind !== "log").toReversed();
    const log = there.findLast((each) => each.kind === "log" && isSound(each));
    if (log === undefined) return others.find(isSound);
    const newer = others.filter(({ id, to }) => id > anchorOf(log).id && to <= log.to);
    return newer.find(isSound) ?? log;
  };
  events.forEach(({ kind, took, ofEnd, found }, minute) => {
    const at = new Date(Date.UTC(2026, 0, 1, 0, minute));
    const there = made.filter(({ committed }) => committed < minute);
    // Two that are not logs are never made at one time.
    if (kind !== "log" && made.some((each) => each.kind !== "log" && each.committed >= minute)) return;
    found.forEach(({ back, check }, place) => {
      const target = there.at(-1 - back);
      // Damage lasts: a listing cannot know what was repaired since (ADR 0032).
      if (target === undefined || ownState(target) === "damaged") return;
      target.checks.push({ at: new Date(at.getTime() - 30_000 + place).toISOString(), check });
    });
    const rule = rules[kind];
    const suits = (each: Made) => (rule === "latest-full" ? each.kind === "full" : each.kind !== "log");
    const newest = kind === "log" ? chooseForLog(there) : there.findLast((each) => suits(each) && isSound(each));
    const base = rule === undefined ? undefined : newest;
    // Without a base a full is made, and no log.
    if (rule !== undefined && base === undefined && kind === "log") return;
    const real = rule !== undefined && base === undefined ? "full" : kind;
    const stamp = at.toISOString().replaceAll(/[-:]|\.\d+/g, "");
    const name = real === "log" && base?.kind !== "log" ? "log-first" : real;
    const committed = minute + (real === "log" ? 0 : took);
    const to = real === "log" || !ofEnd ? minute : committed;
    made.push({ id: `${stamp}-${name}-aaaaaa`, kind: real, at, checks: [], base: base?.id ?? null, to, committed });
  });
  return made;
}

const entryOf = (each: Made): BackupEntry =>
  ({
    source: "bear",
    id: each.id,
    kind: each.kind,
    startedAt: each.at,
    ...stateOf(each.checks.map(({ check }) => check)),
    checks: each.checks.map(({ at, check }) => ({ key: `${at}-${check}`, at, check })),
    earlierChecks: [],
    futureChecks: [],
    future: false,
    held: false,
    forged: [],
  }) as unknown as BackupEntry;

it("keys alone give the base that each dump chose, but for what a first log passed by that was under way", () => {
  let [firsts, passed] = [0, 0];
  fc.assert(
    fc.property(arbitraryHistory, (events) => {
      const made = play(events);
      const resolved = resolveChains(made.map(entryOf), rules);
      let wrong = 0;
      made.forEach(({ id, kind, base, at }, index) => {
        const guessed = resolved[index]?.base ?? null;
        if (guessed === base) {
          if (isFirstLog(id)) firsts += 1;
          return;
        }
        expect(kind, `${id} on ${base}, not on ${guessed}`).toBe("log");
        // What follows from another wrong guess, where something was damaged since.
        const follows = wrong > 0;
        wrong += 1;
        // Another full was begun, and ended too late for the log before: the manifest decides.
        const isPassed = made.some((each) => each.kind !== "log" && base !== null && each.id > base && each.at < at);
        expect(follows || (isFirstLog(id) && isPassed)).toBe(true);
        passed += isFirstLog(id) ? 1 : 0;
      });
    }),
    { numRuns: 1000 },
  );
  expect(firsts).toBeGreaterThan(passed * 3);
});

it("nothing is verified or proven whose chain, by its manifests, lacks a backup or has a damaged one", () => {
  fc.assert(
    fc.property(arbitraryHistory, fc.array(fc.nat(24), { maxLength: 4 }), (events, lost) => {
      const made = play(events);
      const left = made.filter((_, index) => !lost.includes(index));
      const bases = new Map(left.map(({ id, base }) => [id, base]));
      const byId = new Map(left.map((each) => [each.id, each]));
      const resolved = resolveChains(left.map(entryOf), rules, bases);
      for (const entry of resolved) {
        const chain: (Made | undefined)[] = [];
        for (let id: string | null = entry.id; id !== null; id = byId.get(id)?.base ?? null) chain.push(byId.get(id));
        const isBroken = chain.some((each) => each === undefined || ownState(each) === "damaged");
        expect(entry.state === "damaged").toBe(isBroken);
        const isSuspicious = chain.some((each) => each !== undefined && stateOf(each.checks.map(({ check }) => check)).suspicious);
        if (!isBroken) expect(entry.suspicious).toBe(isSuspicious);
        if (entry.state === "verified")
          expect(
            chain.slice(1).every((each) => each === undefined || ownState(each) !== "stored" || provenAbove(chain, each)),
          ).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});

/** Whether something between the backup and this base was proven, which proves the base as far. */
function provenAbove(chain: readonly (Made | undefined)[], base: Made): boolean {
  return chain.slice(0, chain.indexOf(base)).some((each) => each !== undefined && ownState(each) === "proven");
}
