/** Losses in small steps, and trees with too many directories to name. */
import { describe, expect, test } from "vitest";
import type { ContentFigures, PartFigures } from "../../../src/pipeline/suspicion/content-figures.ts";
import { findSuspicions } from "../../../src/pipeline/suspicion/suspicion.ts";
import type { GroupFigures } from "../../../src/proof/content.ts";
import { addFigures, bucketOf, sortOfBuckets } from "../../../src/proof/group-buckets.ts";
import { createDatabase, loseSlowly, randomOf, runNights } from "../databases.ts";
import { content, found, rules } from "../table-content.ts";

describe("a table that loses a little every night", () => {
  const falling = (share: number, nights: number, from = 100_000) =>
    Array.from({ length: nights }, (_, night) => content({ orders: Math.floor(from * (1 - share) ** night), customers: 500 }));
  const shareOf = (...history: ContentFigures[]) => found(history.pop() as ContentFigures, ...history);

  test("is found when the sum is more than the share, however small each step", () => {
    expect(shareOf(...falling(0.3, 3))).toEqual([]);
    expect(shareOf(...falling(0.3, 4))).toEqual([
      "table public.orders: 34,299 rows, 65 % fewer than 3 backups ago (100,000), and fewer in each since",
    ]);
    for (const [share, nights] of [
      [0.45, 4],
      [0.2, 5],
      [0.1, 8],
      [0.05, 15],
    ] as const) {
      expect(shareOf(...falling(share, nights)), `${share}`).toHaveLength(1);
    }
  });

  test("is found over nights without a change, in directories, and in bytes where the rows stay", () => {
    const [a, b, c, d] = falling(0.3, 4) as [ContentFigures, ContentFigures, ContentFigures, ContentFigures];
    expect(shareOf(a, a, b, b, b, c, d)).toHaveLength(1);
    const files = (rows: number) =>
      content({ "directory home": { rows, bytes: rows * 900 }, "type txt": { rows, bytes: rows * 900 } });
    expect(shareOf(files(1_000), files(700), files(490), files(343))).toHaveLength(2);
    const blank = (bytes: number) => content({ notes: { rows: 1_000, bytes } });
    expect(shareOf(blank(1_000_000), blank(700_000), blank(490_000), blank(343_000))).toHaveLength(1);
  });

  test("is found as a whole where every table is too small to count", () => {
    const many = (rows: number) => content(Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`t${index}`, rows])));
    expect(shareOf(many(60), many(42), many(29), many(20))).toEqual([
      "the backup: 800 rows, 66 % fewer than 3 backups ago (2,400), and fewer in each since",
    ]);
  });

  test("is summed up over the recent backups only, and anew once a person accepted it", () => {
    const history = falling(0.3, 6);
    const now = history.pop() as ContentFigures;
    expect(findSuspicions(now, history, { ...rules, recentCount: 2 })).toEqual([]);
    expect(findSuspicions(now, history, { ...rules, recentCount: 3 })).toHaveLength(1);
  });

  test("is none that rose meanwhile, or fell that far before and came back", () => {
    const rows = (...each: number[]) => shareOf(...each.map((orders) => content({ orders })));
    expect(rows(10_000, 7_000, 7_100, 4_970, 4_800)).toEqual([]);
    expect(rows(10_000, 7_000, 4_900, 3_430, 10_000, 7_000, 4_900, 3_430)).toEqual([]);
    expect(rows(10_000, 9_000, 8_000, 7_000, 6_000)).toEqual([]);
  });

  test("is found in every ordinary database, with three backups kept: 100 of one table, 100 of all steady ones", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = randomOf(seed);
      const database = createDatabase(random);
      const days = 20;
      const { trusted } = runNights(database, days);
      const victim = database.steady();
      const names = seed % 2 === 0 ? [victim] : [...database.tables.keys()];
      const table = database.tables.get(victim);
      const series = trusted.slice(-3).flatMap(({ figures }) => figures.parts.get(victim)?.rows ?? []);
      if (table === undefined || table.rows < 1_000 || series.length < 3) continue;
      const told = loseSlowly(database, trusted, { names, share: 0.3, nights: 4, keep: 3, day: days });
      expect(told.flat().join("\n"), `seed ${seed}`).toContain(victim);
    }
  });
});

describe("a tree with too many directories to name", () => {
  const tree = (directories: number, files: number, type = (_file: number) => "txt") => {
    const parts: Record<string, { rows: number; bytes: number }> = {};
    for (let index = 0; index < directories; index++) parts[`directory d${index}`] = { rows: files, bytes: files * 1_000 };
    for (let file = 0; file < directories * files; file++) {
      const name = `type ${type(file)}`;
      parts[name] = { rows: (parts[name]?.rows ?? 0) + 1, bytes: (parts[name]?.bytes ?? 0) + 1_000 };
    }
    return content(parts);
  };
  /** As the engine counts it: what is too much is in buckets. */
  const crowded = (given: ContentFigures): ContentFigures => {
    const many = (sort: string) => [...given.parts.keys()].filter((object) => sortOfBuckets(object) === sort).length > 200;
    const parts = new Map<string, PartFigures>();
    for (const [object, part] of given.parts) {
      const bucket = bucketOf(object);
      if (!many(sortOfBuckets(object))) parts.set(object, part);
      else parts.set(bucket, addFigures(bucket, parts.get(bucket) as GroupFigures | undefined, part as GroupFigures));
    }
    return { ...given, parts };
  };

  test("is still judged, and raises no alarm when it passes the number, up or down", () => {
    const [few, more] = [tree(199, 10), crowded(tree(210, 10))];
    expect(found(more, few)).toEqual([]);
    expect(found(more, few, more, few)).toEqual([]);
    // Eleven directories are gone: those that had a bucket of their own are named by it, and
    // nothing else is.
    expect(found(few, more).length).toBeLessThan(11);
    expect(found(crowded(tree(210, 40)), few, crowded(tree(210, 130))).length).toBeGreaterThan(50);
    expect(found(crowded(tree(210, 40)), tree(199, 130)).length).toBeGreaterThan(50);
  });

  test("is found when its directories go, or each file gets an ending of its own", () => {
    const before = crowded(tree(400, 10));
    expect(found(tree(100, 10), before).length).toBeGreaterThan(20);
    const scrambled = crowded(tree(400, 10, (file) => `x${file}`));
    expect(found(scrambled, before).join("\n")).toMatch(/types in group/);
  });

  test("does not take subdirectories that became too many for directories that are gone", () => {
    const sub = (count: number) =>
      content(
        Object.fromEntries(Array.from({ length: count }, (_, index) => [`directory home/u${index}`, { rows: 10, bytes: 20_000 }])),
      );
    const home = (count: number) => ({
      ...sub(count),
      parts: new Map([["directory home", { object: "directory home", rows: 4_000, bytes: 8_000_000 }], ...sub(count).parts]),
    });
    expect(found(crowded(home(230)), home(195))).toEqual([]);
  });
});
