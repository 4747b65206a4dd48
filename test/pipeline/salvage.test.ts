/**
 * --allow-damaged, the last resort: what is sound before the damage is kept, and never passes for whole.
 */
import { randomBytes } from "node:crypto";
import { open, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { planRestore, restoreBackup } from "../../src/pipeline/restore.ts";
import { restoreTest } from "../../src/pipeline/restore-test.ts";
import { createFilesProject, partOf } from "../support/files-project.ts";

test("a damaged archive gives the files before the damage, and says that it is not whole", async () => {
  await using project = await createFilesProject();
  for (const name of ["a", "b", "c", "d", "e", "f"]) await writeFile(join(project.directory, "tree", name), randomBytes(3_000_000));
  const id = await project.back();
  const path = join(project.vault, "artifacts", "tree", id, partOf(id, 5));
  const file = await open(path, "r+");
  await file.write(Buffer.from([1, 2, 3]), 0, 3, Math.floor((await stat(path)).size * 0.75));
  await file.close();

  const to = join(project.directory, "restored");
  const context = await project.open();
  const request = { to, overwrite: false };
  await expect(restoreBackup(context, await project.find(id), { ...request, allowDamaged: false })).rejects.toMatchObject({
    exitCode: 4,
  });
  await expect(stat(to)).rejects.toMatchObject({ code: "ENOENT" });
  // The damage is on record by now: a plan promises no more than the restore does.
  for (const attempt of [planRestore, restoreBackup]) {
    const refused = attempt(context, await project.find(id), { ...request, allowDamaged: false });
    await expect(refused).rejects.toMatchObject({ name: "BackupDamaged" });
  }
  await expect(planRestore(context, await project.find(id), { ...request, allowDamaged: true })).resolves.toBeDefined();
  const salvaged = await restoreBackup(context, await project.find(id), { ...request, allowDamaged: true });
  expect(salvaged.intact).toBe(false);
  expect(salvaged.loadFindings.map((finding) => finding.class)).toContain("damage");
  expect((await readdir(to)).length).toBeGreaterThanOrEqual(2);
  const original = await readFile(join(project.directory, "tree", "a"));
  expect((await readFile(join(to, "a"))).equals(original)).toBe(true);
});

test("a restore test that did not load the backup meets no objective", async () => {
  await using project = await createFilesProject();
  const id = await project.back();
  const sound = await restoreTest(await project.open(), await project.find(id));
  expect(sound).toMatchObject({ outcome: "proven", evidence: { objective: { met: true } } });
  const path = join(project.vault, "artifacts", "tree", id, partOf(id));
  await writeFile(path, (await readFile(path)).subarray(0, -10));
  const tested = await restoreTest(await project.open(), await project.find(id));
  expect(tested.outcome).toBe("disproven");
  expect(tested.evidence.timings).toHaveProperty("load");
  expect(tested.evidence.objective).toBeUndefined();
});

test("a sound backup that is restored so is intact", async () => {
  await using project = await createFilesProject();
  const id = await project.back();
  const to = join(project.directory, "restored");
  const restored = await restoreBackup(await project.open(), await project.find(id), { to, overwrite: false, allowDamaged: true });
  expect(restored).toMatchObject({ intact: true, comparison: { equal: true } });
});
