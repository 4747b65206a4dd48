/** A report with one of everything: for its tests, and to look at. */
import type { ReportModel, ReportTest } from "../../src/report/report-model.ts";
import { assessStatus } from "../../src/report/status.ts";
import type { StatusBackup, StatusSource } from "../../src/report/status-model.ts";

const now = new Date("2026-11-20T12:00:00Z");

const shop: StatusSource = {
  name: "shop",
  engine: "postgres",
  tier: "critical",
  objectives: { rpoSeconds: 86_400, rtoSeconds: 3600 },
  schedules: { full: "0 2 * * *" },
  verify: { schedule: "0 5 * * 0" },
  restoreTest: { schedule: "0 4 1 * *" },
};

function backup(day: string, state: StatusBackup["state"], changes: Partial<StatusBackup> = {}): StatusBackup {
  const startedAt = new Date(`2026-${day}T02:00:00Z`);
  const verified = { check: "verified", at: new Date(startedAt.getTime() + 240_000) };
  return {
    source: "shop",
    id: `2026${day.replace("-", "")}T020000Z-full-aaaaaa`,
    kind: "full",
    startedAt,
    state,
    suspicious: false,
    held: false,
    checks: state === "stored" ? [] : [verified],
    figures: { storedBytes: 12_345_678, contentBytes: 34_500_000, rows: 120_034, durationSeconds: 21 },
    ...changes,
  };
}

const comparison = {
  equal: true,
  objectsCompared: 14,
  rowsCompared: 120_034,
  bytesCompared: 34_500_000,
  differenceCount: 0,
  differences: [],
};

const tests: ReportTest[] = [
  {
    backupId: "20261101T020000Z-full-aaaaaa",
    check: "proven",
    at: "2026-11-01T04:10:00.000Z",
    by: "vault-host:4711",
    findings: [],
    comparison,
    sourceCheck: { ...comparison, bytesCompared: 0 },
    assertions: [
      { name: "there are users", passed: true, expected: "at least 1", actual: "120000" },
      { name: "the newest order is young", passed: false, expected: "at most 2", actual: "3" },
    ],
    timings: { open: 1400, load: 185_000, compare: 12_300 },
    objective: { rtoSeconds: 3600, measuredSeconds: 186.4, met: true },
  },
  {
    backupId: "20261001T020000Z-full-aaaaaa",
    check: "disproven",
    at: "2026-10-01T04:12:00.000Z",
    by: "vault-host:4711",
    findings: ["table public.orders: 3 rows fewer"],
    comparison: {
      ...comparison,
      equal: false,
      differenceCount: 1,
      differences: [{ object: "table public.orders", problem: "3 rows fewer" }],
    },
  },
];

const backups: StatusBackup[] = [
  backup("11-20", "verified"),
  backup("11-19", "verified", { suspicious: true }),
  backup("11-18", "stored"),
  backup("11-01", "proven", {
    checks: [
      { check: "verified", at: "2026-11-01T02:04:00Z" },
      { check: "proven", at: "2026-11-01T04:10:00Z" },
    ],
    figures: { storedBytes: 12_000_000, contentBytes: 33_000_000, rows: 118_000, durationSeconds: 20, restoreSeconds: 186.4 },
  }),
  backup("10-01", "damaged", { held: true, checks: [{ check: "disproven", at: "2026-10-01T04:12:00Z" }] }),
];

export function sampleReport(): ReportModel {
  const media: StatusSource = {
    ...shop,
    name: "media",
    engine: "files",
    tier: "standard",
    schedules: {},
    verify: {},
    restoreTest: {},
  };
  return {
    generatedAt: now,
    holdfastVersion: "0.1.0",
    policy: { timezone: "Europe/Berlin", sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" },
    status: assessStatus({ now, timezone: "Europe/Berlin", sources: [{ ...shop, schedules: shop.schedules }, media], backups }),
    sources: [
      {
        name: "shop",
        vault: "s3://acme-backups",
        schedules: [
          { what: "full backup", cron: "0 2 * * *" },
          { what: "restore test", cron: "0 4 1 * *" },
        ],
        backups,
        tests,
        plan: {
          decisions: [
            {
              id: "20261120T020000Z-full-aaaaaa",
              kept: true,
              reasons: ["newest verified backup", "newest of 2026-11-20 (daily 1 of 30)"],
            },
            { id: "20261118T020000Z-full-aaaaaa", kept: false, reasons: ["released: older than every rule"] },
          ],
          refusals: [{ message: "the newest backup is suspicious", details: ["20261119T020000Z-full-aaaaaa"] }],
        },
        holds: [
          {
            backupId: "20261001T020000Z-full-aaaaaa",
            by: "legal@acme",
            reason: "court order 7 of 2026",
            at: "2026-10-02T09:00:00Z",
          },
        ],
      },
      { name: "media", vault: "folder:/srv/holdfast", schedules: [], backups: [], tests: [], holds: [] },
    ],
  };
}
