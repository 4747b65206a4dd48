/**
 * The property of test/integration/postgres/dump-beside-changes.test.ts, for many writers on every
 * major.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { dumpBesideChanges } from "../support/dump-beside-changes.ts";
import { startPostgres } from "../support/postgres-server.ts";
import { writer } from "../support/schema-changes.ts";

it.each([14, 15, 16, 17, 18])("holds on PostgreSQL %i", async (major) => {
  const directory = await mkdtemp(join(tmpdir(), "hf-changes-"));
  await using server = await startPostgres({ major });
  let done = 0;
  await fc.assert(
    fc.asyncProperty(writer, writer, async (first, second) => {
      done += await dumpBesideChanges(server, directory, [first, second], 10);
    }),
    { numRuns: 40, endOnFailure: true },
  );
  await rm(directory, { recursive: true, force: true });
  expect(done).toBeGreaterThan(200);
});
