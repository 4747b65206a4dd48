/** Chains by keys alone, against what their dumps really built on, for any history. */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { BackupKind, BaseRules } from "../../src/policy/policy.ts";
import { type CheckName, stateOf } from "../../src/vault/backup-state.ts";
import type { BackupEntry } from "../../src/vault/catalogue.ts";
import { resolveChains } from "../../src/vault/chains.ts";

const rules: BaseRules = { incremental: "latest", differential: "latest-full", log: "latest" };
const kinds: readonly BackupKind[] = ["full", "incremental", "differential", "log"];

interface Event {
  readonly kind: BackupKind;
  /** What is found of an earlier backup, counted from the newest, before this one is begun. */
  readonly found: readonly { readonly back: number; readonly check: CheckName }[];
}

const arbitraryHistory = fc.array(
  fc.record({
    kind: fc.constantFrom(...kinds),
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
}

const ownState = ({ checks }: Made) => stateOf(checks.map(({ check }) => check)).state;

/**
 * Plays dumps as they choose: the newest of the rule's kinds that is not damaged, nor on what is.
 */
function play(events: readonly Event[]): Made[] {
  const made: Made[] = [];
  const byId = (id: string | null) => made.find((each) => each.id === id);
  const isSound = (each: Made): boolean => {
    if (ownState(each) === "damaged") return false;
    const base = byId(each.base);
    return each.base === null || (base !== undefined && isSound(base));
  };
  events.forEach(({ kind, found }, index) => {
    const at = new Date(Date.UTC(2026, 0, 1, 0, index));
    found.forEach(({ back, check }, place) => {
      const target = made.at(-1 - back);
      // Damage lasts: a listing cannot know what was repaired since (ADR 0032).
      if (target === undefined || ownState(target) === "damaged") return;
      target.checks.push({ at: new Date(at.getTime() - 30_000 + place).toISOString(), check });
    });
    const rule = rules[kind];
    const suits = (each: Made) => (rule === "latest-full" ? each.kind === "full" : kind === "log" || each.kind !== "log");
    const base = rule === undefined ? undefined : made.findLast((each) => suits(each) && isSound(each));
    // Without a base a full is made, and no log.
    if (rule !== undefined && base === undefined && kind === "log") return;
    const real = rule !== undefined && base === undefined ? "full" : kind;
    const stamp = at.toISOString().replaceAll(/[-:]|\.\d+/g, "");
    made.push({ id: `${stamp}-${real}-aaaaaa`, kind: real, at, checks: [], base: base?.id ?? null });
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

it("keys alone give the base that each dump chose", () => {
  fc.assert(
    fc.property(arbitraryHistory, (events) => {
      const made = play(events);
      const resolved = resolveChains(made.map(entryOf), rules);
      expect(resolved.map(({ base }) => base ?? null)).toEqual(made.map(({ base }) => base));
    }),
    { numRuns: 500 },
  );
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
