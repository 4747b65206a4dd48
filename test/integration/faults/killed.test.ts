/**
 * kill -9 between any two writes of a backup: what is visible is whole, and a clean re-run finishes
 * the job.
 */
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { createProject } from "../../support/holdfast.ts";
import { startPostgres } from "../../support/postgres-server.ts";
import { run } from "../../support/processes.ts";

/** More points than a run has: the loop ends when a run is not killed any more. */
const enoughPoints = 100;

test("a run killed at any write leaves whole backups only, and the next run succeeds at once", { timeout: 3_600_000 }, async () => {
  await using server = await startPostgres({ major: 17 });
  await server.sql("create table things as select n from generate_series(1, 1000) n");
  const retention =
    "  db:\n    engine: postgres\n    connection: env:DB_URL\n    retention: { keepLast: 2, maxRemoval: 100%, minAge: none }\n";
  await using project = await createProject({ sources: retention, env: { DB_URL: server.url }, majors: [17] });
  const script = fileURLToPath(new URL("../../support/killed-run.ts", import.meta.url));

  let point = 0;
  for (; point < enoughPoints; point += 1) {
    const killed = await run(process.execPath, [script, project.policyFile, "db", String(point)], { env: project.env });
    if (killed.code === 0) break;
    expect(killed.signal, killed.stderr).toBe("SIGKILL");

    const again = await project.holdfast(["backup", "db"]);
    expect(again.code, `after point ${point}: ${again.stderr}`).toBe(0);
    const verified = await project.holdfast(["verify", "--all"]);
    expect(verified.code, `after point ${point}: ${verified.stdout}`).toBe(0);
    expect(verified.json.unjudged).toEqual([]);
  }
  // The lease, two artifacts, the manifest's seal, the manifest, the evidence, the lease again and
  // the deletes of one backup: three points each.
  expect(point).toBeGreaterThan(20);
  expect(point).toBeLessThan(enoughPoints);
  const listed = await project.holdfast(["list"]);
  expect(listed.json.backups.length).toBeGreaterThanOrEqual(2);
  expect((await project.holdfast(["restore-test", "db"])).json.tests[0].check).toBe("proven");
});
