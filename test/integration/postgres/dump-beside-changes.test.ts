/**
 * Beside TRUNCATE, rewriting, renaming, dropping and the like, each table is stored as it was
 * before or after, and counted so.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { dumpBesideChanges } from "../../support/dump-beside-changes.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { writer } from "../../support/schema-changes.ts";

let server: PostgresServer;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "hf-changes-"));
  server = await startPostgres({ major: 18 });
});
afterAll(async () => {
  await server.remove();
  await rm(directory, { recursive: true, force: true });
});

it("holds for random writers", async () => {
  let done = 0;
  await fc.assert(
    fc.asyncProperty(writer, writer, async (first, second) => {
      done += await dumpBesideChanges(server, directory, [first, second], 4);
    }),
    { numRuns: 4, seed: 20261128, endOnFailure: true },
  );
  expect(done).toBeGreaterThanOrEqual(8);
});
