/** What the steps write into the audit trail, and what does not wait for it. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { readTrails } from "../../src/pipeline/audit/read-trails.ts";
import { exportBackup } from "../../src/pipeline/export.ts";
import { holdBackup, releaseHold } from "../../src/pipeline/hold.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { restoreBackup } from "../../src/pipeline/restore.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { createFilesProject, type FilesProject } from "../support/files-project.ts";

/** The vault, where nothing can be added to the trail. */
const withoutTrail = (store: ObjectStore): ObjectStore => ({
  ...store,
  put: (key, body, options) =>
    key.startsWith("audit/") ? Promise.reject(new HoldfastError("StoreAccessDenied", "read-only")) : store.put(key, body, options),
});

const asPerson = (context: PipelineContext): PipelineContext => ({ ...context, run: { ...context.run, actor: "ada" } });

async function trailOf(project: FilesProject) {
  const [trail] = await readTrails(await project.open(), {});
  expect(trail?.problems).toEqual([]);
  return (trail?.entries ?? []).map(({ action, by, backupId, reason, details }) => ({ action, by, backupId, reason, details }));
}

test("a restore is written down when it begins and when it ends, well or not, and by whom", async () => {
  await using project = await createFilesProject();
  const id = await project.back();
  const context = asPerson(await project.open());
  const to = join(project.directory, "restored");
  const options = { to, overwrite: false, allowDamaged: false };
  await restoreBackup(context, await project.find(id), options);
  await expect(restoreBackup(context, await project.find(id), options)).rejects.toMatchObject({ name: "RestoreRefused" });
  const by = `ada@test:${process.pid}`;
  expect(await trailOf(project)).toEqual([
    { action: "restore.begun", by, backupId: id, details: { to } },
    { action: "restore.done", by, backupId: id, details: { to, content: "equal to the backup's" } },
    { action: "restore.begun", by, backupId: id, details: { to } },
    { action: "restore.failed", by, backupId: id, details: { to, error: "RestoreRefused" } },
  ]);
});

test("a restore and an export go on where the trail cannot be written, and say so", async () => {
  await using project = await createFilesProject();
  const id = await project.back();
  const warnings: string[] = [];
  const context = await project.open({ wrapStore: withoutTrail, warnings });
  const to = join(project.directory, "restored");
  await restoreBackup(context, await project.find(id, context), { to, overwrite: false, allowDamaged: false });
  expect((await stat(to)).isDirectory()).toBe(true);
  await exportBackup(context, await project.find(id, context), join(project.directory, "copy"));
  expect(warnings).toEqual([
    expect.stringContaining("(restore.begun)"),
    expect.stringContaining("(restore.done)"),
    expect.stringContaining("(backup.exported)"),
  ]);
  expect(await trailOf(project)).toEqual([]);
});

test("a hold is not lifted where the trail cannot be written", async () => {
  await using project = await createFilesProject();
  const id = await project.back();
  await holdBackup(asPerson(await project.open()), id, "case 7");
  const holds = join(project.vault, "holds", "tree");
  const blocked = await project.open({ wrapStore: withoutTrail });
  await expect(releaseHold(blocked, id)).rejects.toMatchObject({ name: "StoreAccessDenied" });
  expect(await readdir(holds)).toHaveLength(1);
  await releaseHold(await project.open(), id);
  expect(await readdir(holds).catch(() => [])).toEqual([]);
  // There is nothing to lift now, and nothing to write down.
  await expect(releaseHold(await project.open(), id)).rejects.toMatchObject({ name: "BackupNotFound" });
  expect((await trailOf(project)).map(({ action, reason }) => [action, reason])).toEqual([
    ["hold.added", "case 7"],
    ["hold.released", undefined],
  ]);
});

test("a long reason is cut, and a connection with a password is not repeated", async () => {
  await using project = await createFilesProject();
  const id = await project.back();
  await holdBackup(await project.open(), id, "x".repeat(5_000));
  for (const to of ["postgres://ada:hunter2@db.example/shop", "host=db.example password=hunter2"]) {
    const options = { to, overwrite: false, allowDamaged: false };
    // The files engine takes both for directories.
    const request = { ...options, to: `${project.directory}/${to}` };
    await restoreBackup(await project.open(), await project.find(id), request).catch(() => undefined);
  }
  const entries = await trailOf(project);
  expect(entries[0]?.reason).toHaveLength(2_000);
  expect(JSON.stringify(entries)).not.toContain("hunter2");
});

test("entries are chosen by source, action, person and time; all are checked in any case", async () => {
  await using project = await createFilesProject();
  const id = await project.back();
  await holdBackup(asPerson(await project.open()), id, "case 7");
  await releaseHold(await project.open(), id);
  const chosen = async (filter: Parameters<typeof readTrails>[1]) => {
    const [trail] = await readTrails(await project.open(), filter);
    expect(trail?.entriesChecked).toBe(2);
    return trail?.entries.map(({ action }) => action);
  };
  expect(await chosen({ action: "hold" })).toEqual(["hold.added", "hold.released"]);
  expect(await chosen({ action: "hold.released" })).toEqual(["hold.released"]);
  expect(await chosen({ by: "ada" })).toEqual(["hold.added"]);
  expect(await chosen({ source: "other" })).toEqual([]);
  expect(await chosen({ since: new Date(Date.now() + 60_000) })).toEqual([]);
});
