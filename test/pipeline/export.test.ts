/** An export is whole or not there. */
import { appendFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { exportBackup } from "../../src/pipeline/export.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { createFilesProject, type FilesProject } from "../support/files-project.ts";

let project: FilesProject;
let target: string;

beforeEach(async () => {
  project = await createFilesProject();
  target = join(project.directory, "media");
});

afterEach(() => project[Symbol.asyncDispose]());

const roomsThere = async (): Promise<string[]> =>
  (await readdir(target, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(
      (entry) =>
        join(entry.parentPath, entry.name)
          .slice(target.length + 1)
          .split("/")[0] ?? "",
    );

test("an export that fails or is interrupted takes back what it copied, and can be repeated", async () => {
  const id = await project.back();
  const controller = new AbortController();
  const interrupting = (store: ObjectStore): ObjectStore => ({
    ...store,
    async get(key, options) {
      if (key.startsWith("evidence/")) controller.abort(new HoldfastError("Interrupted", "interrupted"));
      return store.get(key, options);
    },
  });
  const context = await project.open({ wrapStore: interrupting, signal: controller.signal });
  const found = await project.find(id, context);
  await expect(exportBackup(context, found, target)).rejects.toMatchObject({ name: "Interrupted" });
  expect((await roomsThere()).sort()).toEqual(["RESTORE.md", "holdfast.json"]);
  const { objects } = await exportBackup(await project.open(), await project.find(id), target);
  expect(objects).toBe(4);
  await expect(exportBackup(await project.open(), await project.find(id), target)).rejects.toMatchObject({ name: "ObjectExists" });
  expect(await roomsThere()).toContain("manifests");
});

test("damage is not carried on", async () => {
  const id = await project.back();
  await appendFile(join(project.vault, "artifacts", "tree", id, "files.tar"), "x");
  await expect(exportBackup(await project.open(), await project.find(id), target)).rejects.toMatchObject({
    name: "ArtifactDamaged",
  });
  expect((await roomsThere()).sort()).toEqual(["RESTORE.md", "holdfast.json"]);
});
