import { expect, test } from "vitest";
import { describeAskedLive, describeDoneLive } from "../../src/pipeline/audit/describe-live.ts";

test("the trail says what was asked of a live database, and never the condition", () => {
  const where = new Map([["where", "mail = 'jane@example.com'"]]);
  expect(describeAskedLive({})).toEqual({});
  expect(describeAskedLive({ flags: new Set(["no-owner"]), values: where })).toEqual({});
  expect(describeAskedLive({ flags: new Set(["beside"]) })).toEqual({ live: "beside the live table" });
  expect(describeAskedLive({ flags: new Set(["into-live"]), values: where })).toEqual({
    live: "counted only",
    where: "a condition (not repeated here)",
  });
  expect(describeAskedLive({ flags: new Set(["into-live", "yes"]) })).toEqual({ live: "into the live table" });
});

test("and what came of it: nothing was changed is not done", () => {
  const rows = { inBackup: 9, chosen: 7, equal: 4, different: 1, missing: 2, inserted: 0 };
  const outcome = { kind: "rows", table: "public.users", as: "public.users", applied: false, rows, notices: [] } as const;
  expect(describeDoneLive(undefined)).toEqual({});
  expect(describeDoneLive(outcome)).toEqual({ live: "nothing was changed: 2 rows are missing from public.users" });
  expect(describeDoneLive({ ...outcome, applied: true, rows: { ...rows, inserted: 2 } })).toEqual({
    live: "2 rows into public.users",
  });
});
