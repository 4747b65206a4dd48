/** What looks like lost or encrypted data, and what only looks unusual. */
import { createCipheriv, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chooseBaseline } from "../../../src/pipeline/suspicion/choose-baseline.ts";
import { type ContentFigures, figuresOf, type PartFigures } from "../../../src/pipeline/suspicion/content-figures.ts";
import { deepestValley } from "../../../src/pipeline/suspicion/part-history.ts";
import { findSuspicions } from "../../../src/pipeline/suspicion/suspicion.ts";
import { createContentSampler } from "../../../src/proof/content-sample.ts";
import { accidents, createDatabase, judge, randomOf, runNights } from "../databases.ts";
import { content, found, rules } from "../table-content.ts";

describe("a table that lost its data", () => {
  test("is named when it is gone, empty or smaller by more than the share", () => {
    const before = content({ orders: 20_000, customers: 500, notes: 1_000 });
    expect(found(content({ customers: 0, notes: 499 }), before)).toEqual([
      "table public.orders: gone; it held 20,000 rows in the last good backup",
      "table public.customers: empty; it held 500 rows in the last good backup",
      "table public.notes: 499 rows, 50 % fewer than in the last good backup (1,000)",
    ]);
    expect(found(content({ orders: 10_000, customers: 250, notes: 500 }), before)).toEqual([]);
  });

  test("is found however little it is of the whole, and however much it had grown before", () => {
    const growing = [100, 1_000, 10_000, 100_000].map((rows) => content({ small: rows, huge: 90_000_000 }));
    expect(found(content({ small: 39_000, huge: 90_000_000 }), ...growing)).toHaveLength(1);
  });

  test("is found in a small table whose content never changed, or whose count did not in three backups", () => {
    const settings = (rows: number, sha256: string) => content({ settings: { rows, bytes: rows * 100, sha256 } });
    const alarm = ["table public.settings: empty; it held 12 rows in the last good backup"];
    expect(found(settings(0, "d"), settings(12, "a"), settings(12, "a"))).toEqual(alarm);
    expect(found(settings(0, "d"), settings(12, "a"), settings(12, "b"))).toEqual([]);
    expect(found(settings(0, "d"), settings(12, "a"), settings(12, "b"), settings(12, "c"))).toEqual(alarm);
  });

  test("is not seen in a queue that was about as long for some nights by chance; in a table that always was, it is", () => {
    const nights = (...rows: number[]) => rows.map((count) => content({ jobs: count }));
    expect(found(content({ jobs: 0 }), ...nights(49, 50, 51))).toEqual([]);
    expect(found(content({ jobs: 0 }), ...nights(49, 50, 51, 50, 49, 51))).toHaveLength(1);
    expect(found(content({ jobs: 20 }), ...nights(49, 50, 51, 50, 49))).toEqual([]);
    expect(found(content({ jobs: 20 }), ...nights(49, 50, 51, 50, 49, 51))).toHaveLength(1);
  });

  test("is found by bytes when as many rows hold far less", () => {
    const before = content({ documents: { rows: 1_000, bytes: 1_000_000 } });
    expect(found(content({ documents: { rows: 1_000, bytes: 90_000 } }), before)).toEqual([
      "table public.documents: 90,000 bytes, 91 % fewer than in the last good backup (1,000,000)",
    ]);
  });

  test("is found where everything lost a little more than its share, though no table is large", () => {
    const many = (rows: number) => content(Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`t${index}`, rows])));
    expect(found(many(8), many(60))).toEqual(["the backup: 320 rows in all, 86 % fewer than the last good backup (2,400)"]);
  });

  test("is told by more than one line, and by no more than fifty and a count", () => {
    const many = (rows: number) => content(Object.fromEntries(Array.from({ length: 90 }, (_, index) => [`t${index}`, rows])));
    const lines = found(many(0), many(5_000));
    expect(lines).toHaveLength(51);
    expect(lines.at(-1)).toBe("and 40 more");
  });

  test("is not excused by what a person accepted once: what was cleared up stays small", () => {
    const history = [20_000, 20_000, 8_000, 8_000].map((rows) => content({ orders: rows }));
    expect(found(content({ orders: 3_000 }), ...history)).toHaveLength(1);
  });
});

describe("what comes and goes by itself", () => {
  test("is a queue that is empty at night, however full it sometimes is", () => {
    expect(found(content({ queue: 4_000 }), content({ queue: 0 }))).toEqual([]);
    const history = [0, 3_000, 0, 2_500].map((rows) => content({ queue: rows }));
    expect(found(content({ queue: 0 }), ...history)).toEqual([]);
    expect(found(content({ queue: 0 }), ...[70, 20, 55].map((rows) => content({ queue: rows })))).toEqual([]);
  });

  test("is a table that was missing before, or was there once only", () => {
    const [with_, without] = [content({ orders: 900, import: 5_000 }), content({ orders: 900 })];
    expect(found(without, with_, without, with_)).toEqual([]);
    expect(found(without, without, without, with_)).toEqual([]);
    expect(found(without, with_, with_)).toHaveLength(1);
  });

  test("is an empty table that is dropped", () => {
    expect(found(content({ orders: 900 }), content({ orders: 900, unused: 0 }))).toEqual([]);
  });

  test("is what the policy names", () => {
    const isVolatile = (object: string) => object.startsWith("table public.queue_");
    const before = [content({ orders: 900, queue_a: 5_000, queue_b: 9_000 })];
    expect(findSuspicions(content({ orders: 900, queue_a: 0 }), before, { ...rules, isVolatile })).toEqual([]);
  });

  test("is a partition that the database's own retention drops while the series moves on", () => {
    const month = (...months: string[]) => content(Object.fromEntries(months.map((each) => [`sales_2026_${each}`, 5_000])));
    expect(found(month("02", "03", "04"), month("01", "02", "03"))).toEqual([]);
    // Dropped a day after the new one came; and a second one, where one went before.
    expect(found(month("02", "03", "04"), month("01", "02", "03"), month("01", "02", "03", "04"))).toEqual([]);
    const numbered = (...numbers: number[]) =>
      content(
        Object.fromEntries(numbers.map((each) => [`log_p${each}`, 5_000])),
        numbers.map((each) => `log_p${each}`),
      );
    expect(found(numbered(2, 3, 4), numbered(1, 2, 3))).toEqual([]);
  });

  test("is not a partition in the middle, all of them, or one of a series that never moved", () => {
    const month = (...months: string[]) => content(Object.fromEntries(months.map((each) => [`sales_2026_${each}`, 5_000])));
    expect(found(month("01", "03", "04"), month("01", "02", "03"))).toHaveLength(1);
    expect(found(month("04"), month("01", "02", "03"))).toHaveLength(3);
    expect(found(month("02", "03"), month("01", "02", "03"))).toHaveLength(1);
    const plain = (...numbers: number[]) => content(Object.fromEntries(numbers.map((each) => [`t${each}`, 5_000])));
    expect(found(plain(2, 3, 4), plain(1, 2, 3))).toHaveLength(1);
  });

  test("is a table that was renamed, moved to another schema, or cut into partitions", () => {
    const history = [content({ orders: 5_000 }), content({ orders: 5_100 })];
    expect(found(content({ purchases: 5_150 }), ...history)).toEqual([]);
    expect(found(content({ "table sales.orders": 5_150 }), ...history)).toEqual([]);
    expect(found(content({ orders_2025: 3_000, orders_2026: 2_200 }), ...history)).toEqual([]);
    // Another table that happens to be new is no new name.
    expect(found(content({ purchases: { rows: 5_150, bytes: 5_150 * 900 } }), ...history)).toHaveLength(1);
    expect(found(content({ purchases: 900 }), ...history)).toHaveLength(1);
  });
});

describe("directories and file types", () => {
  const tree = (uploads: number, pdf: number) =>
    content({
      "directory .": { rows: 9, bytes: 900 },
      "directory uploads": { rows: uploads, bytes: uploads * 9_000 },
      "type pdf": { rows: pdf, bytes: pdf * 9_000 },
    });

  test("are named like tables", () => {
    expect(found(tree(100, 20), tree(400, 400))).toEqual([
      "directory uploads: 100 files, 75 % fewer than in the last good backup (400)",
      "type pdf: 20 files, 95 % fewer than in the last good backup (400)",
    ]);
  });

  test("of one or two small files may go: somebody removed a file", () => {
    const kept = { "directory .": 20, "type conf": 20 };
    const gone = { "directory old": { rows: 1, bytes: 900 }, "type bak": { rows: 2, bytes: 900 } };
    expect(found(content(kept), content({ ...kept, ...gone }))).toEqual([]);
    const stable = Array.from({ length: 5 }, () => content({ ...kept, ...gone }));
    expect(found(content(kept), ...stable)).toEqual([]);
  });

  test("are named when they held three files or many bytes, or many of them go at once", () => {
    const kept = { "directory .": 20, "type conf": 20 };
    const gone = { "directory old": { rows: 3, bytes: 900 }, "type sqlite": { rows: 1, bytes: 20_000 } };
    expect(found(content(kept), content({ ...kept, ...gone }))).toEqual([
      "directory old: gone; it held 3 files in the last good backup",
      "type sqlite: gone; it held 1 file in the last good backup",
    ]);
    const many = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`directory d${index}`, { rows: 1, bytes: 9 }]));
    expect(found(content(kept), content({ ...kept, ...many }))).toHaveLength(10);
    const large = Object.fromEntries(["a", "b"].map((name) => [`type ${name}`, { rows: 1, bytes: 9_000 }]));
    expect(found(content(kept), content({ ...kept, ...large }))).toHaveLength(2);
  });

  test("are told of where every file got another ending, even if its content never compressed", () => {
    const photos = (directory: string, type: string) =>
      content({
        [`directory ${directory}`]: { rows: 30, bytes: 600_000, sample: { bytes: 65_536, compressedBytes: 65_400 } },
        [`type ${type}`]: { rows: 30, bytes: 600_000, sample: { bytes: 65_536, compressedBytes: 65_400 } },
      });
    expect(found(photos("photos", "enc"), photos("photos", "jpg"))).toEqual([
      "type jpg: gone; it held 30 files in the last good backup",
    ]);
    expect(found(photos("pictures", "jpg"), photos("photos", "jpg"))).toEqual([]);
    // A new type is no new name of a directory.
    const types = { "directory .": 1, "type enc": { rows: 30, bytes: 600_000 } };
    expect(found(content(types), content({ "directory .": 1, "directory photos": { rows: 30, bytes: 600_000 } }))).toHaveLength(1);
  });

  test("are all gone where nothing is left of the tree", () => {
    const digest = (groups: PartFigures[], rows: number) =>
      figuresOf({
        algorithm: "holdfast-files-1",
        sha256: "0".repeat(64),
        objectCount: 1,
        rows,
        bytes: 0,
        groups: groups.map((group) => ({ rows: 0, ...group })),
      });
    const full = digest(
      [
        { object: "directory .", rows: 1, bytes: 10 },
        { object: "directory docs", rows: 400, bytes: 4_000_000 },
        { object: "type txt", rows: 401, bytes: 4_000_010 },
      ],
      401,
    );
    const empty = digest([], 0);
    expect(found(empty, full)).toContain("directory docs: gone; it held 400 files in the last good backup");
    expect(found(empty, full, full, full)).toContain("type txt: gone; it held 401 files in the last good backup");
    expect(found(empty, empty)).toEqual([]);
    expect(found(full, empty)).toEqual([]);
    // Too many groups of every sort to tell them apart.
    expect(found(digest([], 10), digest([], 900))).toHaveLength(1);
  });

  test("with numbers for names may go as the oldest of their series, once one went before", () => {
    const releases = (...numbers: number[]) =>
      content(Object.fromEntries(numbers.map((each) => [`directory releases/v${each}`, { rows: 150, bytes: 90_000 }])));
    // The first time is asked about, and again until a person accepts it.
    expect(found(releases(5, 8, 9), releases(2, 5, 8), releases(2, 5, 8))).toHaveLength(1);
    const moved = [releases(2, 5, 8), releases(5, 8, 9)];
    expect(found(releases(8, 9, 10), ...moved)).toEqual([]);
    // Versions are no decimal fractions.
    expect(found(releases(9, 10, 11), ...moved, releases(8, 9, 10))).toEqual([]);
    // One in the middle, most of them, and the newest are not what goes by itself.
    expect(found(releases(5, 9, 10), ...moved)).toHaveLength(1);
    expect(found(releases(9, 10), ...moved)).toHaveLength(2);
    expect(found(releases(5, 8), ...moved)).toHaveLength(1);
    const customers = (first: number, last: number) => releases(...Array.from({ length: last - first }, (_, at) => first + at));
    expect(found(customers(2, 9), customers(1, 7), customers(1, 8))).toHaveLength(1);
  });

  test("are not missed where there became too many of them to tell apart", () => {
    const types = content({ "type pdf": 500, "type txt": 500 });
    expect(found(types, content({ "directory a": 500, "type pdf": 500, "type txt": 500 }))).toEqual([]);
  });
});

describe("content that was encrypted", () => {
  const texts: Readonly<Record<string, (index: number) => string>> = {
    sentences: (index) => `${index}\tcustomer ${index} of a realistic kind, since ${2000 + (index % 26)}\n`,
    documents: (index) =>
      `${index}\t{"name": "user${index * 7919}", "mail": "user${index}@example.com", "tags": ["a", "b"], "age": ${index % 90}}\n`,
    identifiers: (index) =>
      `${Buffer.from(randomOf(index)().toString()).toString("hex").padEnd(32, "0")}\t${index}\t${index * 3}\n`,
    lines: (index) =>
      `${index}\t${["alpha", "bravo", "charlie", "delta"][index % 4]}\t${(index * 37) % 1000}\t2026-01-${(index % 28) + 1}\n`,
  };
  const key = Buffer.alloc(16, 1);
  const cipher = (text: string): Buffer => {
    const aes = createCipheriv("aes-128-cbc", key, randomBytes(16));
    return Buffer.concat([aes.update(text), aes.final()]);
  };
  const figuresOfRows = (rows: readonly string[]): ContentFigures => {
    const sampler = createContentSampler();
    for (const row of rows) sampler.add(Buffer.from(row));
    const sample = sampler.take();
    const bytes = rows.reduce((sum, row) => sum + row.length, 0);
    return content({ t: { rows: rows.length, bytes, ...(sample === undefined ? {} : { sample }) } });
  };
  const rowsOf = (make: (index: number) => string, count: number) => Array.from({ length: count }, (_, index) => make(index));

  test.each(Object.entries(texts))(
    "is found in %s, in base64 and in hexadecimal digits, wholly or for the most part",
    (_, make) => {
      const rows = rowsOf(make, 5_000);
      const before = figuresOfRows(rows);
      for (const encoding of ["base64", "hex"] as const) {
        const all = rows.map((row, index) => `${index}\t${cipher(row).toString(encoding)}\n`);
        expect(found(figuresOfRows(all), before), encoding).toEqual([
          expect.stringMatching(/^table public\.t: its content no longer compresses/),
        ]);
        const part = rows.map((row, index) => (index % 10 < 8 ? (all[index] ?? "") : row));
        expect(found(figuresOfRows(part), before), `${encoding}, 80 %`).toHaveLength(1);
      }
    },
  );

  test.each(Object.entries(texts))("is not seen in %s that were changed, added to, or cleared up", (_, make) => {
    const rows = rowsOf(make, 5_000);
    const before = figuresOfRows(rows);
    expect(found(figuresOfRows(rows.map((row) => row.replaceAll("a", "e"))), before)).toEqual([]);
    expect(found(figuresOfRows([...rows, ...rowsOf((index) => make(index + 5_000), 4_000)]), before)).toEqual([]);
    expect(found(figuresOfRows(rows.slice(2_000)), before)).toEqual([]);
    expect(found(figuresOfRows(rows.toReversed()), before)).toEqual([]);
  });

  test("is not told of content that never compressed", () => {
    const before = figuresOfRows(rowsOf(() => `${randomBytes(48).toString("base64")}\n`, 3_000));
    const now = figuresOfRows(rowsOf(() => `${randomBytes(48).toString("base64")}\n`, 3_000));
    expect(found(now, before)).toEqual([]);
  });

  test("is sampled alike, however the rows are cut into chunks", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 1, maxLength: 200 }),
        fc.integer({ min: 1, max: 999 }),
        (cuts, seed) => {
          const random = randomOf(seed);
          const bytes = Buffer.from(Array.from({ length: cuts.reduce((a, b) => a + b, 0) }, () => Math.floor(random() * 7)));
          const [whole, cut] = [createContentSampler(), createContentSampler()];
          whole.add(bytes);
          let at = 0;
          for (const length of cuts) {
            cut.add(bytes.subarray(at, at + length));
            at += length;
          }
          expect(cut.take()).toEqual(whole.take());
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("the baseline", () => {
  test("is the newest ones, and one of each day, week and month before", () => {
    const now = Date.UTC(2026, 10, 20);
    const hourly = Array.from({ length: 24 * 400 }, (_, index) => ({ startedAt: new Date(now - (24 * 400 - index) * 3_600_000) }));
    const ages = chooseBaseline(hourly, new Date(now)).map(({ startedAt }) => (now - startedAt.getTime()) / 3_600_000);
    expect(ages.slice(-8)).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
    expect(ages).toEqual(expect.arrayContaining([24, 48, 14 * 24, 56 * 24, 360 * 24]));
    expect(ages.length).toBeLessThanOrEqual(42);
    expect(ages).toEqual(ages.toSorted((a, b) => b - a));
  });

  test("knows how deep a series fell and rose again", () => {
    expect(deepestValley([])).toBe(0);
    expect(deepestValley([5, 9, 20])).toBe(0);
    expect(deepestValley([20, 9, 5])).toBe(0);
    expect(deepestValley([20, 5, 10])).toBe(0.5);
    expect(deepestValley([20, 0, 10])).toBe(1);
  });
});

describe("nights of ordinary databases", () => {
  const isVolatile = (object: string) => object === "table public.queue_mail";

  test("raise no alarm: 150 databases of 70 nights", () => {
    for (let seed = 1; seed <= 150; seed++) {
      const { alarms } = runNights(createDatabase(randomOf(seed)), 70, isVolatile);
      expect(alarms, `seed ${seed}`).toEqual([]);
    }
  });

  test("raise none for a queue that nobody named, once it was seen to empty itself", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const alarms = runNights(createDatabase(randomOf(seed)), 70).alarms.filter(({ day }) => day > 21);
      expect(alarms, `seed ${seed}`).toEqual([]);
    }
  });

  test.each(Object.keys(accidents))("show an accident by the table's name: %s", (kind) => {
    let tried = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const random = randomOf(seed * 7919);
      const database = createDatabase(random);
      const days = 1 + Math.floor(random() * 40);
      const { trusted } = runNights(database, days, isVolatile);
      const victim = database.steady();
      const table = database.tables.get(victim);
      // A content of some kilobytes has too short a sample to tell how it compresses.
      if (table === undefined || table.rows * table.rowBytes < 200_000) continue;
      // Its name is as old as its last renaming; and what falls and rises by itself is judged by
      // that.
      const series = trusted.flatMap(({ figures }) => figures.parts.get(victim)?.rows ?? []);
      if (series.length < 2 || deepestValley(series) > 0.4) continue;
      tried++;
      accidents[kind]?.(database, victim);
      expect(judge(database, trusted, days, isVolatile).join("\n"), `seed ${seed}, ${victim}, night ${days}`).toContain(victim);
    }
    expect(tried).toBeGreaterThan(35);
  });

  test("show the whole database encrypted, table by table", () => {
    const database = createDatabase(randomOf(5));
    const { trusted } = runNights(database, 9, isVolatile);
    for (const name of database.tables.keys()) accidents["encrypt, base64"]?.(database, name);
    expect(judge(database, trusted, 9, isVolatile).length).toBeGreaterThan(4);
  });
});

describe("figures of a digest", () => {
  test("take large objects and definitions together, and know partitions", () => {
    const entry = (object: string, rows?: number, bytes = 10) => ({
      object,
      bytes,
      sha256: "0".repeat(64),
      ...(rows === undefined ? {} : { rows }),
    });
    const { parts, partitions } = figuresOf({
      algorithm: "a",
      objectCount: 6,
      rows: 5,
      bytes: 60,
      sha256: "0".repeat(64),
      objects: [
        entry("table public.t", 3),
        entry("large objects 0..999", 2),
        entry("large objects 1000..1999", 4),
        entry("schema TABLE public.t"),
        entry("schema TABLE ATTACH public.t_1"),
        entry("sequence public.s"),
      ],
    });
    expect([...parts.values()].map(({ object, rows, bytes }) => [object, rows, bytes])).toEqual([
      ["table public.t", 3, 10],
      ["large objects", 6, 20],
      ["definitions", 2, 20],
    ]);
    expect([...partitions]).toEqual(["table public.t_1"]);
    expect([...figuresOf({ algorithm: "a", objectCount: 1, rows: 5, bytes: 60, sha256: "" }).parts.values()]).toEqual([
      { object: "the backup", rows: 5, bytes: 60 },
    ]);
  });
});
