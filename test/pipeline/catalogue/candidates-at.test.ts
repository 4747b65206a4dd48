/** Which backup brings back an instant, for any history, against a short rule that looks at all. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { candidatesAt } from "../../../src/pipeline/catalogue/candidates-at.ts";
import type { BackupKind } from "../../../src/policy/policy.ts";
import type { Coverage } from "../../../src/proof/position.ts";

interface Made {
  readonly id: string;
  readonly kind: BackupKind;
  /** Minutes. */
  readonly from: number | undefined;
  readonly to: number;
  readonly damaged: boolean;
  readonly unreadable: boolean;
}

const at = (minute: number): string => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();

/** Fulls that take a while, beside logs that each go on from the one before, or leave a gap. */
const history = fc
  .array(
    fc.record({
      kind: fc.constantFrom<BackupKind>("full", "log", "log", "incremental"),
      passed: fc.nat(4),
      took: fc.nat(12),
      gap: fc.nat(9).map((dice) => (dice === 0 ? 2 : 0)),
      damaged: fc.nat(4).map((dice) => dice === 0),
      unreadable: fc.nat(7).map((dice) => dice === 0),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((drawn) => {
    let [minute, logged, whole] = [0, 0, 0];
    return drawn.map(({ kind, passed, took, gap, damaged, unreadable }, index): Made => {
      minute += passed;
      const id = `${String(index).padStart(3, "0")}-${kind}`;
      const isLog = kind === "log";
      const from = isLog ? Math.min(logged + gap, minute) : kind === "full" ? undefined : whole;
      const to = isLog ? Math.max(minute, logged) : Math.max(minute + took, whole);
      if (isLog) logged = to;
      else whole = to;
      return { id, kind, from, to, damaged, unreadable };
    });
  });

const coverageOf = ({ from, to, unreadable }: Made): Coverage | undefined =>
  unreadable ? undefined : { to: { at: at(to) }, ...(from === undefined ? {} : { from: { at: at(from) } }) };

/** The best by a look at all: the instant itself, else the newest before; then what is simplest. */
function oracle(minute: number, made: readonly Made[]): { id: string; until?: string } | undefined {
  const sound = made.filter(({ damaged, unreadable }) => !damaged && !unreadable);
  const holds = ({ kind, from, to }: Made) => kind === "log" && from !== undefined && from < minute && minute < to;
  const simplest = (each: readonly Made[]) => each.findLast(({ kind }) => kind !== "log") ?? each.at(-1);
  const ended = sound.filter(({ to }) => to <= minute);
  const furthest = Math.max(...ended.map(({ to }) => to));
  const best = simplest(ended.filter(({ to }) => to === furthest));
  const around = sound.find(holds);
  if (around !== undefined && furthest !== minute) return { id: around.id, until: at(minute) };
  return best && { id: best.id };
}

it("the first that is sound is what a look at all of them chooses", async () => {
  const counts = { exact: 0, around: 0, before: 0, none: 0 };
  await fc.assert(
    fc.asyncProperty(history, fc.nat(100), async (made, minute) => {
      let found: { id: string; until?: string } | undefined;
      for await (const { entry, until } of candidatesAt(at(minute), made, async (each) => coverageOf(each))) {
        if (entry.damaged) continue;
        found = { id: entry.id, ...(until === undefined ? {} : { until }) };
        break;
      }
      expect(found).toEqual(oracle(minute, made));
      const isExact = made.some(({ id, to }) => id === found?.id && to === minute);
      counts[found === undefined ? "none" : found.until !== undefined ? "around" : isExact ? "exact" : "before"] += 1;
    }),
    { numRuns: 3000 },
  );
  for (const [what, count] of Object.entries(counts)) expect(count, what).toBeGreaterThan(20);
});

it("asks for some thirty of ten thousand", async () => {
  const made = Array.from({ length: 10_000 }, (_, index): Made => {
    const isFull = index % 100 === 0;
    const common = { id: String(index).padStart(5, "0"), to: index, damaged: false, unreadable: false };
    return { ...common, kind: isFull ? "full" : "log", from: isFull ? undefined : index - 1 };
  });
  for (const minute of [0, 1, 4999, 5000, 9998, 20_000]) {
    const asked = new Set<string>();
    const reading = candidatesAt(at(minute), made, async (each) => {
      asked.add(each.id);
      return coverageOf(each);
    });
    expect((await reading.next()).value).toMatchObject({ entry: { to: Math.min(minute, 9999) } });
    await reading.return();
    expect(asked.size).toBeLessThanOrEqual(32);
  }
});
