/**
 * Definitions judged by what they mean, for as many databases as a year of backups of a large
 * company has.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tryDefinitions } from "../support/definition-trial.ts";
import { startPostgres } from "../support/postgres-server.ts";

/**
 * A database of the wild has some ten definitions that could be printed differently: 900 in one
 * stand for 90 databases.
 */
const definitionsPerDatabase = 900;
/** On five majors 10,350 databases' worth. */
const databasesPerMajor = 23;

test.each([14, 15, 16, 17, 18])(
  "random definitions on PostgreSQL %i raise no alarm, and each real change is found",
  async (major) => {
    await using server = await startPostgres({ major });
    const directory = await mkdtemp(join(tmpdir(), "hf-definitions-"));
    const total = { made: 0, printOnly: 0, changed: 0 };
    try {
      for (let seed = major * 1_000; seed < major * 1_000 + databasesPerMajor; seed++) {
        const trial = await tryDefinitions(server, directory, seed, definitionsPerDatabase);
        expect(trial.untouched.differences, `seed ${seed}`).toEqual([]);
        const found = new Set(trial.afterwards.differences.map(({ object }) => object));
        const listed = trial.afterwards.differenceCount === trial.afterwards.differences.length;
        expect(listed ? trial.changed.filter((object) => !found.has(object)) : [], `seed ${seed}`).toEqual([]);
        expect(trial.afterwards.differenceCount, `seed ${seed}`).toBeGreaterThanOrEqual(trial.changed.length);
        total.made += trial.made.length;
        total.printOnly += trial.untouched.printOnly?.count ?? 0;
        total.changed += trial.changed.length;
      }
      console.log(`PostgreSQL ${major}: ${JSON.stringify(total)}`);
    } finally {
      await rm(directory, { recursive: true });
    }
  },
);
