/**
 * Definitions are judged by what they mean: no false alarm for any, and every real change found.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tryDefinitions } from "../../support/definition-trial.ts";
import { startPostgres } from "../../support/postgres-server.ts";

test.each([14, 15, 16, 17, 18])(
  "random definitions on PostgreSQL %i raise no alarm, and each real change is found",
  async (major) => {
    await using server = await startPostgres({ major });
    const directory = await mkdtemp(join(tmpdir(), "hf-definitions-"));
    try {
      const trial = await tryDefinitions(server, directory, 1000 + major, 150);
      expect(trial.made.length).toBeGreaterThan(100);
      expect(trial.untouched.differences).toEqual([]);
      // The grammar reaches definitions that are printed differently: without them this test would
      // show nothing.
      expect(trial.untouched.printOnly?.count).toBeGreaterThan(10);
      expect(trial.changed.length).toBeGreaterThan(15);
      const found = new Set(trial.afterwards.differences.map(({ object }) => object));
      expect(trial.changed.filter((object) => !found.has(object))).toEqual([]);
    } finally {
      await rm(directory, { recursive: true });
    }
  },
);
