/** Thousands of ordinary databases without an alarm, and as many accidents found. */
import { describe, expect, test } from "vitest";
import { deepestValley } from "../../src/pipeline/suspicion/part-history.ts";
import { accidents, createDatabase, judge, randomOf, runNights } from "../pipeline/databases.ts";

const isVolatile = (object: string) => object === "table public.queue_mail";

describe("nights of ordinary databases", () => {
  test("raise no alarm: 3,000 databases of 100 nights", () => {
    for (let seed = 10_001; seed <= 13_000; seed++) {
      expect(runNights(createDatabase(randomOf(seed)), 100, isVolatile).alarms, `seed ${seed}`).toEqual([]);
    }
  });

  test.each(Object.keys(accidents))("show an accident by the table's name: %s, 1,000 times", (kind) => {
    for (let seed = 20_001; seed <= 21_000; seed++) {
      const random = randomOf(seed);
      const database = createDatabase(random);
      const days = 1 + Math.floor(random() * 60);
      const { trusted } = runNights(database, days, isVolatile);
      const victim = database.steady();
      const table = database.tables.get(victim);
      const series = trusted.flatMap(({ figures }) => figures.parts.get(victim)?.rows ?? []);
      if (table === undefined || table.rows * table.rowBytes < 200_000 || series.length < 2 || deepestValley(series) > 0.4)
        continue;
      accidents[kind]?.(database, victim);
      expect(judge(database, trusted, days, isVolatile).join("\n"), `seed ${seed}, ${victim}, night ${days}`).toContain(victim);
    }
  });
});
