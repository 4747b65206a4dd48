/**
 * A restore that differs from its backup: kept beside the target under a name that is reported, or
 * discarded when that is asked for.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Engine } from "../../src/engines/engine.ts";
import type { Place } from "../../src/engines/place.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { restoreBackup } from "../../src/pipeline/restore.ts";
import type { LoadFinding } from "../../src/proof/content.ts";
import { createFilesProject, type FilesProject } from "../support/files-project.ts";

/** The engine as it is, but for what a target does. */
async function openWith(project: FilesProject, change: (place: Place) => Partial<Place>): Promise<PipelineContext> {
  const context = await project.open();
  const engineOf = async (name: string): Promise<Engine> => {
    const engine = await context.engineOf(name);
    return {
      ...engine,
      async openTarget(...given) {
        const place = await engine.openTarget(...given);
        return { ...place, ...change(place) };
      },
    };
  };
  return { ...context, engineOf };
}

/** Somebody writes into the extracted tree before it is compared. */
const touched = (project: FilesProject) => (place: Place) => ({
  async compare(digest: Parameters<Place["compare"]>[0]) {
    const staged = (await readdir(project.directory)).find((name) => name.startsWith("restored.holdfast-")) ?? "";
    const [tree = ""] = await readdir(join(project.directory, staged));
    await writeFile(join(project.directory, staged, tree, "more"), "more");
    return place.compare(digest);
  },
});

const lacking: LoadFinding = { class: "lacking", subject: "extension queue", message: "is not available" };
const lackingSomething = (place: Place) => ({
  load: async () => ({ findings: [...(await place.load()).findings, lacking] }),
});

const namesBeside = async (project: FilesProject): Promise<string[]> =>
  (await readdir(project.directory)).filter((name) => name.startsWith("restored"));

test("a difference is exit code 4; the copy is kept under the name that is reported", async () => {
  await using project = await createFilesProject();
  const found = await project.find(await project.back());
  const to = join(project.directory, "restored");
  const context = await openWith(project, touched(project));
  const restoring = restoreBackup(context, found, { to, overwrite: false, allowDamaged: false });
  const error = await restoring.catch((thrown: unknown) => thrown);
  const [kept = "", ...others] = await namesBeside(project);
  expect(kept).toMatch(/^restored\.differs-/);
  expect(others).toEqual([]);
  expect(error).toMatchObject({
    name: "RestoreDiffers",
    exitCode: 4,
    details: expect.arrayContaining([expect.stringMatching(/^more: /)]),
  });
  expect(error).toMatchObject({
    message: expect.stringContaining(`(2 differences); it is kept as ${join(project.directory, kept)}`),
  });
  expect(await readFile(join(project.directory, kept, "file"), "utf8")).toBe("content");
});

test("--discard-different removes it, and asks the target for nothing", async () => {
  await using project = await createFilesProject();
  const found = await project.find(await project.back());
  const to = join(project.directory, "restored");
  const keeping = () => Promise.reject(new Error("was asked to keep it"));
  const context = await openWith(project, (place) => ({ ...touched(project)(place), keepBeside: keeping }));
  const options = { to, overwrite: false, allowDamaged: false, discardDifferent: true };
  await expect(restoreBackup(context, found, options)).rejects.toMatchObject({
    name: "RestoreDiffers",
    exitCode: 4,
    message: expect.stringContaining("it was removed again"),
    hint: expect.stringContaining("--discard-different"),
  });
  expect(await namesBeside(project)).toEqual([]);
});

test("what the target lacks is named and kept too; what the policy excepts is no difference", async () => {
  await using project = await createFilesProject();
  const found = await project.find(await project.back());
  const to = join(project.directory, "restored");
  const options = { to, overwrite: false, allowDamaged: false };
  await expect(restoreBackup(await openWith(project, lackingSomething), found, options)).rejects.toMatchObject({
    exitCode: 4,
    message: expect.stringMatching(/\(1 thing not restored\); it is kept as .*restored\.differs-/),
    details: ["extension queue: is not available"],
  });
  const excepted = await openWith(project, (place) => ({
    load: async () => ({ findings: [...(await place.load()).findings, { ...lacking, class: "excepted" as const }] }),
  }));
  expect(await restoreBackup(excepted, found, options)).toMatchObject({ intact: true });
  expect(await readFile(join(to, "file"), "utf8")).toBe("content");
});
