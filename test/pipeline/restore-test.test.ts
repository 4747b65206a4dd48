import { describe, expect, test } from "vitest";
import { decide } from "../../src/pipeline/restore-test.ts";
import type { Comparison, LoadFinding } from "../../src/proof/content.ts";

const equal: Comparison = {
  equal: true,
  objectsCompared: 3,
  rowsCompared: 10,
  bytesCompared: 100,
  differenceCount: 0,
  differences: [],
};
const different: Comparison = {
  ...equal,
  equal: false,
  differenceCount: 1,
  differences: [{ object: "table public.users", problem: "3 rows fewer" }],
};
const finding = (kind: LoadFinding["class"]): LoadFinding => ({
  class: kind,
  subject: "extension pg_cron",
  message: "is not available",
});
const failed = { name: "users exist", passed: false, expected: "at least 1", actual: "0" };

describe("the verdict of a restore test", () => {
  test("is proven when everything compares equal, benign findings notwithstanding", () => {
    expect(decide([finding("benign")], equal, equal, [{ ...failed, passed: true }])).toEqual({ check: "proven", findings: [] });
  });

  test("is disproven when the content differs, and names the object", () => {
    const { check, findings } = decide([], different, equal, []);
    expect(check).toBe("disproven");
    expect(findings).toEqual(["table public.users: 3 rows fewer"]);
  });

  test("is disproven when the source counted something else", () => {
    expect(decide([], equal, different, []).check).toBe("disproven");
  });

  test("is disproven when the backup does not load, even where the place also lacks something", () => {
    expect(decide([finding("damage"), finding("lacking")], equal, equal, []).check).toBe("disproven");
  });

  test("is unproven, neither proof nor damage, where the place lacks something", () => {
    expect(decide([finding("lacking")], equal, equal, []).check).toBe("unproven");
  });

  test("is disproven by a difference, whatever else the place lacks", () => {
    expect(decide([finding("lacking")], different, equal, []).check).toBe("disproven");
    expect(decide([finding("excepted")], equal, different, []).check).toBe("disproven");
  });

  test("is proven without an extension that the policy names, and unproven where another is missing", () => {
    expect(decide([finding("excepted")], equal, equal, [])).toEqual({ check: "proven", findings: [] });
    expect(decide([finding("excepted"), finding("lacking")], equal, equal, []).check).toBe("unproven");
  });

  test("is unproven where a definition could not be judged, and disproven by a difference beside it", () => {
    const unjudged = { count: 1, objects: ["schema VIEW public.v"], reason: "no programs" };
    const { check, findings } = decide([], { ...equal, unjudged }, equal, []);
    expect(check).toBe("unproven");
    expect(findings).toEqual(["schema VIEW public.v: its definition is printed differently and could not be judged: no programs"]);
    expect(decide([], { ...different, unjudged }, equal, []).check).toBe("disproven");
  });

  test("is unproven when an assertion fails on data that equal the source's", () => {
    const { check, findings } = decide([], equal, equal, [failed]);
    expect(check).toBe("unproven");
    expect(findings).toEqual(['assertion "users exist": expected at least 1, found 0']);
  });
});
