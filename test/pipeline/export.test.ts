/** An export is whole or not there. */
import { appendFile, mkdir, readdir, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { exportBackup } from "../../src/pipeline/export.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { createFilesProject, type FilesProject, partOf } from "../support/files-project.ts";
import { run } from "../support/processes.ts";

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
  expect(objects).toBe(7);
  await expect(exportBackup(await project.open(), await project.find(id), target)).rejects.toMatchObject({ name: "ObjectExists" });
  expect(await roomsThere()).toContain("manifests");
});

test("an odd piece of evidence stays behind, and is named; the rest is exported", async () => {
  const id = await project.back();
  const evidence = join(project.vault, "evidence", "tree", id);
  const stamps = [
    "20260101T000000000Z-verified",
    "20260102T000000000Z-proven",
    "20260103T000000000Z-damaged",
    "20260104T000000000Z-proven",
  ];
  const [link = "", pipe = "", directory = "", large = ""] = stamps.map((name) => join(evidence, `${name}.json`));
  await symlink(project.policyFile, link);
  await run("mkfifo", [pipe]);
  await mkdir(directory);
  await writeFile(large, "");
  await truncate(large, 65 * 1024 * 1024);
  const told: string[] = [];
  const context = await project.open();
  const log = { ...context.run.log, warn: (message: string) => void told.push(message) };
  const { objects, notCopied } = await exportBackup({ ...context, run: { ...context.run, log } }, await project.find(id), target);
  expect(objects).toBe(7);
  expect(notCopied).toHaveLength(4);
  for (const [index, what] of ["a symbolic link", "a named pipe", "a directory", "larger than"].entries()) {
    expect(notCopied[index]).toContain(`${stamps[index]}.json`);
    expect(notCopied[index]).toContain(what);
    expect(told[index]).toContain(notCopied[index]);
  }
  expect(await roomsThere()).toContain("manifests");
});

test("damage is not carried on", async () => {
  const id = await project.back();
  await appendFile(join(project.vault, "artifacts", "tree", id, partOf(id)), "x");
  await expect(exportBackup(await project.open(), await project.find(id), target)).rejects.toMatchObject({
    name: "ArtifactDamaged",
  });
  expect((await roomsThere()).sort()).toEqual(["RESTORE.md", "holdfast.json"]);
});
