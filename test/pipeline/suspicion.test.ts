import { describe, expect, test } from "vitest";
import { findDrops } from "../../src/pipeline/suspicion.ts";

const figures = (bytes: number, rows: number) => ({ id: "any", bytes, rows });

describe("findDrops", () => {
  test("finds nothing without earlier backups", () => {
    expect(findDrops(figures(0, 0), [], 0.5)).toEqual([]);
  });

  test("finds nothing when a backup grows or falls within the share", () => {
    const baseline = [figures(1_000_000, 10_000)];
    expect(findDrops(figures(5_000_000, 90_000), baseline, 0.5)).toEqual([]);
    expect(findDrops(figures(500_000, 5_000), baseline, 0.5)).toEqual([]);
  });

  test("names a drop in bytes and one in rows, each with its share", () => {
    const found = findDrops(figures(499_999, 1_000), [figures(1_000_000, 10_000)], 0.5);
    expect(found).toHaveLength(2);
    expect(found[0]).toContain("500 kB: 50 % less than");
    expect(found[1]).toContain("1,000 rows: 90 % fewer than");
  });

  test("compares with the median, so that one odd backup before it moves nothing", () => {
    const baseline = [figures(1_000_000, 1_000), figures(1_000_000, 1_000), figures(900_000_000, 900_000)];
    expect(findDrops(figures(900_000, 900), baseline, 0.5)).toEqual([]);
  });

  test("an archive that became empty is found", () => {
    expect(findDrops(figures(0, 0), [figures(100_000, 200)], 0.5)).toHaveLength(2);
  });

  test("leaves tiny databases alone, whose figures are noise", () => {
    expect(findDrops(figures(1_000, 1), [figures(10_000, 90)], 0.5)).toEqual([]);
  });
});
