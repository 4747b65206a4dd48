/**
 * Histories of backups for the retention tests: single backups in one line, and random histories
 * for property tests.
 */
import fc from "fast-check";
import type { BackupKind, Retention } from "../../src/policy/policy.ts";
import { planRetention, type RetentionBackup, type RetentionPlan } from "../../src/retention/plan-retention.ts";

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/** The id that a backup of this kind, started then, would have. */
export function idAt(startedAtMs: number, kind: BackupKind = "full", suffix = "aaaaaa"): string {
  const stamp = new Date(startedAtMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, "");
  return `${stamp}Z-${kind}-${suffix}`;
}

/**
 * A verified backup that started at `at` (ISO 8601 or epoch milliseconds), changed by `changes`.
 */
export function backupAt(
  at: string | number,
  changes: Partial<RetentionBackup> & { readonly suffix?: string } = {},
): RetentionBackup {
  const { suffix, ...rest } = changes;
  const startedAtMs = typeof at === "number" ? at : Date.parse(at);
  const kind = rest.kind ?? "full";
  return { id: idAt(startedAtMs, kind, suffix), kind, startedAtMs, state: "verified", suspicious: false, held: false, ...rest };
}

/** A backup whose position was read: it reaches as far as its start. */
export function fullAt(
  at: string | number,
  changes: Partial<RetentionBackup> & { readonly suffix?: string } = {},
): RetentionBackup {
  const full = backupAt(at, changes);
  return { coverage: { to: { at: new Date(full.startedAtMs).toISOString() } }, ...full };
}

/** One verified full a day at 02:00 UTC, the last on `lastDay`, oldest first. */
export function dailyBackups(count: number, lastDay: string): RetentionBackup[] {
  const last = Date.parse(`${lastDay}T02:00:00Z`);
  return Array.from({ length: count }, (_, index) => backupAt(last - (count - 1 - index) * dayMs));
}

/** A policy with the given rules, whose share never stands in the way. */
export function policyOf(rules: Partial<Retention>): Retention {
  return { minAgeSeconds: 0, maxRemovalShare: 1, ...rules };
}

export function planAt(
  backups: readonly RetentionBackup[],
  rules: Partial<Retention>,
  now: string | number,
  timezone = "UTC",
): RetentionPlan {
  return planRetention(backups, policyOf(rules), { now: new Date(now), timezone });
}

export function keptIds(plan: RetentionPlan): string[] {
  return plan.decisions.filter(({ kept }) => kept).map(({ id }) => id);
}

export function reasonsOf(plan: RetentionPlan, id: string): readonly string[] {
  return plan.decisions.find((decision) => decision.id === id)?.reasons ?? [];
}

export const zones = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "America/St_Johns",
  "Asia/Kathmandu",
  "Pacific/Apia",
  "Australia/Lord_Howe",
];

/**
 * Now, for random histories: within a day of DST changes, year ends and the skipped day of Samoa
 * among others.
 */
export const arbitraryNow = fc.oneof(
  fc
    .constantFrom(
      "2026-10-25T03:00:00Z",
      "2027-01-01T00:30:00Z",
      "2024-02-29T12:00:00Z",
      "2012-01-01T00:00:00Z",
      "2021-01-03T23:59:59Z",
    )
    .map(Date.parse),
  fc.integer({ min: Date.UTC(2010, 0, 1), max: Date.UTC(2040, 0, 1) }),
);

const count = fc.option(fc.integer({ min: 0, max: 8 }), { nil: 0 });

/** Random policies with at least one rule for every kind. */
export const arbitraryRules: fc.Arbitrary<Partial<Retention>> = fc
  .record({
    daily: count,
    weekly: count,
    monthly: count,
    yearly: count,
    keepLast: count,
    keepWithinDays: count,
    fullDays: count,
    minAgeDays: fc.constantFrom(0, 0, 1, 2, 7),
    logDays: fc.option(count, { nil: undefined }),
    windowDays: fc.constantFrom(undefined, undefined, 1, 7, 30),
  })
  .map(({ keepWithinDays, fullDays, minAgeDays, logDays, windowDays, ...counts }) => ({
    ...counts,
    ...(windowDays === undefined ? {} : { recoveryWindowSeconds: windowDays * 86_400 }),
    minAgeSeconds: minAgeDays * 86_400,
    keepWithinSeconds: keepWithinDays * 86_400,
    kinds: {
      ...(fullDays === 0 ? {} : { full: { keepWithinSeconds: fullDays * 86_400 } }),
      ...(logDays === undefined ? {} : { log: { keepWithinSeconds: logDays * 86_400 } }),
    },
  }))
  .map((rules) =>
    rules.daily + rules.weekly + rules.monthly + rules.yearly + rules.keepLast + rules.keepWithinSeconds > 0
      ? rules
      : { ...rules, daily: 1 },
  );

interface Draft {
  readonly ageMs: number;
  readonly kind: BackupKind;
  readonly state: RetentionBackup["state"];
  readonly suspicious: boolean;
  readonly held: boolean;
  readonly lockDays: number;
  /** Which of the older backups it builds on; now and then one that is gone. */
  readonly parent: number;
}

const arbitraryDraft = (spanMs: number): fc.Arbitrary<Draft> =>
  fc.record({
    ageMs: fc.integer({ min: 0, max: spanMs }),
    kind: fc.oneof(
      { weight: 5, arbitrary: fc.constant("full" as const) },
      {
        weight: 4,
        arbitrary: fc.constantFrom("incremental" as const, "differential" as const, "log" as const, "snapshot" as const),
      },
    ),
    state: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom("verified" as const, "proven" as const) },
      { weight: 2, arbitrary: fc.constantFrom("stored" as const, "damaged" as const) },
    ),
    suspicious: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
    held: fc.integer({ min: 0, max: 19 }).map((dice) => dice === 0),
    lockDays: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: -3, max: 3 }) }),
    parent: fc.integer({ min: -1, max: 6 }),
  });

/**
 * Random histories up to `now`, in random order: dense and sparse ones, all kinds and states,
 * chains, holds, locks, missing bases.
 */
export const arbitraryHistory = (nowMs: number): fc.Arbitrary<RetentionBackup[]> =>
  fc
    .constantFrom(2 * dayMs, 20 * dayMs, 120 * dayMs, 900 * dayMs)
    .chain((spanMs) => fc.array(arbitraryDraft(spanMs), { minLength: 1, maxLength: 60 }))
    .map((drafts) => buildHistory(drafts, nowMs))
    .chain((backups) => fc.shuffledSubarray(backups, { minLength: backups.length }));

function buildHistory(drafts: readonly Draft[], nowMs: number): RetentionBackup[] {
  const history: RetentionBackup[] = [];
  for (const [index, draft] of [...drafts].sort((a, b) => b.ageMs - a.ageMs).entries()) {
    const startedAtMs = Math.floor((nowMs - draft.ageMs) / 1000) * 1000;
    const dependent = draft.kind === "incremental" || draft.kind === "differential" || draft.kind === "log";
    const candidates = history.filter((backup) => backup.startedAtMs < startedAtMs);
    const parent = candidates.at(-1 - Math.max(0, draft.parent))?.id ?? idAt(nowMs - 2000 * dayMs);
    history.push(
      backupAt(startedAtMs, {
        kind: draft.kind,
        suffix: `r${index}`,
        state: draft.state,
        suspicious: draft.suspicious,
        held: draft.held,
        parent: dependent && draft.parent >= -1 ? parent : null,
        ...(draft.lockDays === 0 ? {} : { lockedUntilMs: nowMs + draft.lockDays * dayMs }),
      }),
    );
  }
  return history;
}
