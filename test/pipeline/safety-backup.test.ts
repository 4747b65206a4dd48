/**
 * Overwriting begins with a backup of what is replaced: read back, held, and never mistaken for one
 * of the source's own. Without it nothing is touched, unless the word is given.
 */
import { randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import type { Engine } from "../../src/engines/engine.ts";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { findInVaults } from "../../src/pipeline/catalogue/find-backups.ts";
import { listHeld, releaseHold } from "../../src/pipeline/hold.ts";
import { measureSources } from "../../src/pipeline/measure-sources.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { planRestore, restoreBackup } from "../../src/pipeline/restore.ts";
import { findSource, safetySeriesOf } from "../../src/policy/safety-series.ts";
import { createFilesProject, type FilesProject, partOf } from "../support/files-project.ts";

// Each test restores more than once.
vi.setConfig({ testTimeout: 180_000 });

async function occupy(project: FilesProject): Promise<string> {
  const to = join(project.directory, "target");
  await mkdir(to);
  await writeFile(join(to, "file"), "what was there");
  return to;
}

const overwriting = (to: string) => ({ to, overwrite: true, allowDamaged: false });
const beside = async (project: FilesProject) => (await readdir(project.directory)).filter((name) => name.startsWith("target"));

function changed(context: PipelineContext, change: (engine: Engine) => Partial<Engine>): PipelineContext {
  return {
    ...context,
    engineOf: async (name) => {
      const engine = await context.engineOf(name);
      return { ...engine, ...change(engine) };
    },
  };
}

test("what is overwritten is backed up, held until released, and restores", async () => {
  await using project = await createFilesProject();
  const found = await project.find(await project.back());
  const to = await occupy(project);
  const context = await project.open();
  expect((await planRestore(context, found, overwriting(to))).steps[0]).toMatch(/^back up what stands at/);
  const { safetyBackup } = await restoreBackup(context, found, overwriting(to));
  expect(await readFile(join(to, "file"), "utf8")).toBe("content");

  const own = found.entry.source;
  const id = `${safetyBackup?.source}/${safetyBackup?.backupId}`;
  expect(safetyBackup?.source).toBe(safetySeriesOf(own));
  const { holds } = await listHeld(await project.open(), safetyBackup?.source);
  expect(holds).toMatchObject([{ backupId: safetyBackup?.backupId, reason: expect.stringMatching(/^pre-restore: /) }]);

  // The source's newest is what it was.
  expect((await findInVaults(await project.open(), `${own}@latest`)).entry.id).toBe(found.entry.id);
  const safety = await findInVaults(await project.open(), id);
  expect(safety.entry).toMatchObject({ state: "verified", held: true });
  const again = join(project.directory, "again");
  await restoreBackup(await project.open(), safety, { to: again, overwrite: false, allowDamaged: false });
  expect(await readFile(join(again, "file"), "utf8")).toBe("what was there");
  await releaseHold(await project.open(), id);
  expect((await listHeld(await project.open(), safetyBackup?.source)).holds).toEqual([]);
});

test("a new target, and --no-safety-backup, take none", async () => {
  await using project = await createFilesProject();
  const found = await project.find(await project.back());
  const fresh = { to: join(project.directory, "target-new"), overwrite: true, allowDamaged: false };
  expect((await restoreBackup(await project.open(), found, fresh)).safetyBackup).toBeUndefined();
  const to = await occupy(project);
  const options = { ...overwriting(to), safetyBackup: false };
  expect((await planRestore(await project.open(), found, options)).steps[0]).not.toMatch(/back up/);
  expect((await restoreBackup(await project.open(), found, options)).safetyBackup).toBeUndefined();
  expect((await listHeld(await project.open(), undefined)).holds).toEqual([]);
});

test("one that fails refuses the restore; nothing was touched, and the word for going on is said", async () => {
  await using project = await createFilesProject();
  const found = await project.find(await project.back());
  const to = await occupy(project);
  const failing = changed(await project.open(), () => ({
    openTargetDump: () => Promise.reject(new HoldfastError("SourceAccessDenied", "the target cannot be read")),
  }));
  await expect(restoreBackup(failing, found, overwriting(to))).rejects.toMatchObject({
    name: "RestoreRefused",
    message: expect.stringMatching(/could not be backed up first: the target cannot be read; nothing was touched$/),
    hint: expect.stringContaining("--no-safety-backup"),
  });
  expect(await beside(project)).toEqual(["target"]);
  expect(await readFile(join(to, "file"), "utf8")).toBe("what was there");
  expect((await restoreBackup(failing, found, { ...overwriting(to), safetyBackup: false })).intact).toBe(true);
});

test("an artifact that is damaged at 60 % replaces nothing, and the backup is known as damaged", async () => {
  await using project = await createFilesProject();
  await writeFile(join(project.directory, "tree", "large"), randomBytes(3_000_000));
  const found = await project.find(await project.back());
  const to = await occupy(project);
  const path = join(project.vault, "artifacts", "tree", found.entry.id, partOf(found.entry.id));
  const bytes = await readFile(path);
  const at = Math.floor(bytes.length * 0.6);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await chmod(path, 0o600);
  await writeFile(path, bytes);
  const restoring = restoreBackup(await project.open(), found, { ...overwriting(to), safetyBackup: false });
  await expect(restoring).rejects.toMatchObject({ exitCode: 4 });
  expect(await beside(project)).toEqual(["target"]);
  expect(await readFile(join(to, "file"), "utf8")).toBe("what was there");
  const { state, checks } = (await project.find(found.entry.id)).entry;
  expect([state, checks.some(({ check }) => check === "restored")]).toEqual(["damaged", false]);
});

test("a check of the target that fails comes before it, and before the backup is read", async () => {
  await using project = await createFilesProject();
  const found = await project.find(await project.back());
  const to = await occupy(project);
  const untouched = changed(await project.open(), () => ({
    openTargetDump: () => Promise.reject(new Error("was dumped")),
    openTarget: () => Promise.reject(new Error("was opened")),
  }));
  await expect(restoreBackup(untouched, found, { ...overwriting(to), overwrite: false })).rejects.toMatchObject({
    name: "RestoreRefused",
    message: `${to} exists and is not empty`,
  });
});

const failed = { name: "orders", passed: false, expected: "at least 1", actual: "0" };
const asserting = (context: PipelineContext) =>
  changed(context, (engine) => ({
    openTarget: async (...given) => ({ ...(await engine.openTarget(...given)), assert: async () => [failed] }),
  }));

test("an assertion that fails keeps a copy from replacing anything, and is only said of a new target", async () => {
  await using project = await createFilesProject();
  const found = await project.find(await project.back());
  const to = await occupy(project);
  await expect(restoreBackup(asserting(await project.open()), found, overwriting(to))).rejects.toMatchObject({
    name: "RestoreDiffers",
    details: ['assertion "orders": expected at least 1, found 0'],
    hint: expect.stringContaining("--no-assertions"),
  });
  expect(await readFile(join(to, "file"), "utf8")).toBe("what was there");
  const fresh = { to: join(project.directory, "fresh"), overwrite: false, allowDamaged: false };
  expect(await restoreBackup(asserting(await project.open()), found, fresh)).toMatchObject({ intact: true, assertions: [failed] });
  const unasked = { ...overwriting(to), assertions: false };
  expect(await restoreBackup(asserting(await project.open()), found, unasked)).toMatchObject({ intact: true, assertions: [] });
});

test("a restore is evidence of how long it took: the status measures the RTO by it, and no state changes", async () => {
  await using project = await createFilesProject();
  const found = await project.find(await project.back());
  const state = found.entry.state;
  const options = { to: join(project.directory, "restored"), overwrite: false, allowDamaged: false };
  const { objective } = await restoreBackup(await project.open(), found, options);
  const context = await project.open();
  const entry = (await project.find(found.entry.id)).entry;
  expect(entry.state).toBe(state === "stored" ? "verified" : state);
  expect(entry.checks.at(-1)?.check).toBe("restored");
  const source = findSource(context.policy, found.entry.source);
  const { status } = await measureSources(context, source === undefined ? [] : [source]);
  expect(status.sources[0]?.rto).toMatchObject({ measuredSeconds: objective?.measuredSeconds, met: true });
  // It is no restore test: whether the newest backup was ever proven is another question.
  expect(status.sources[0]?.restoreTest.outcome).toBeNull();
});
