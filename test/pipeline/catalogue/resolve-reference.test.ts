/**
 * What a person calls a backup at night: times in the policy's zone, and names that are not quite
 * right.
 */
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HoldfastError } from "../../../src/errors/holdfast-error.ts";
import { describeDoubt, namingNewestGood } from "../../../src/pipeline/catalogue/doubt.ts";
import { appendEvidence } from "../../../src/vault/documents/evidence.ts";
import { createFilesProject, type FilesProject } from "../../support/files-project.ts";

let project: FilesProject;
let [yesterday, older, newest] = ["", "", ""];

beforeAll(async () => {
  project = await createFilesProject();
  await project.writePolicy(
    "version: 1\ntimezone: Asia/Kathmandu\nvaults: { main: folder:vault }\nkeys: { main: file:main.key }\nsources:\n" +
      "  tree: { engine: files, path: tree, retention: { keepLast: 9 } }\n  shop: { engine: files, path: tree, retention: { keepLast: 9 } }\n",
  );
  yesterday = await project.back({ minutesAgo: 24 * 60 });
  older = await project.back({ minutesAgo: 120 });
  newest = await project.back({ minutesAgo: 5 });
});

afterAll(() => project[Symbol.asyncDispose]());

/** All that is in the vault of one backup. */
async function readdirOf(id: string): Promise<{ readonly objects: readonly string[] }> {
  const all = await readdir(project.vault, { recursive: true });
  return {
    objects: all.filter((path) => path.endsWith(`/${id}`) || path.endsWith(`/${id}.json`)).map((path) => join(project.vault, path)),
  };
}

async function find(reference: string): Promise<string> {
  return (await project.find(reference)).entry.id;
}

/** The wall clock in Kathmandu, which is 5:45 h ahead, so many minutes ago. */
function wall(minutesAgo: number): string {
  return new Date(Date.now() - minutesAgo * 60_000 + 20_700_000).toISOString().slice(0, 16);
}

describe("a time after the @", () => {
  test("is one of the policy's zone, and takes the newest backup of then or before", async () => {
    expect(await find(`tree@${wall(60)}`)).toBe(older);
    expect(await find(`tree@${wall(60).replace("T", " ")}`)).toBe(older);
    expect(await find(`tree@${new Date(Date.now() - 3_600_000).toISOString()}`)).toBe(older);
    expect(await find("tree@1h")).toBe(older);
    expect(await find("tree@1h ago")).toBe(older);
    expect(await find("tree@2m")).toBe(newest);
    expect(await find(`tree@${wall(0).slice(0, 10)}`)).toBe(newest);
    expect(await find("tree@1d")).toBe(yesterday);
    expect(await find("tree@-1h")).toBe(older);
    expect(await find(`tree@before:${wall(60)}`)).toBe(older);
  });

  test("does not reach what is dated in the future", async () => {
    const ahead = await project.back({ minutesAgo: -24 * 60 });
    expect([await find("tree@latest"), await find("tree@0m")]).toEqual([newest, newest]);
    const { objects } = await readdirOf(ahead);
    for (const path of objects) await rm(path, { recursive: true });
  });

  test("is no time where it is a backup's whole id: that backup is meant, of that source", async () => {
    expect(await find(`tree@${older}`)).toBe(older);
    await expect(project.find(`shop@${older}`)).rejects.toMatchObject({ name: "BackupNotFound" });
  });

  test("is said as it was taken", async () => {
    const told: string[] = [];
    const context = await project.open();
    const log = { info: (message: string) => void told.push(message), warn: () => undefined };
    await project.find("tree@1h", { ...context, run: { ...context.run, log } });
    expect(told).toEqual([expect.stringMatching(/^tree@1h: what there was at .* \+05:45 \(.*Z\), or the newest before$/)]);
  });

  test.each([
    [
      "tree@lastest",
      /"lastest" is not a time that Holdfast understands/,
      /^Write latest, latest-proven or a time, also after before: 14:32, .* time of Asia\/Kathmandu/,
    ],
    ["tree@9999-01-01", /is in the future/, /^Write latest/],
    ["tree@", /"" is not a time/, /^Write latest/],
  ])("that is none, as in %s, is refused with what to write", async (reference, message, hint) => {
    await expect(project.find(reference)).rejects.toMatchObject({
      name: "UsageInvalid",
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
  });
});

describe("a name", () => {
  test.each(["tre", "tere", "tree2@latest", "tre@1h"])(
    "that is nearly a source's, %s, is answered with that source and no other's backup",
    async (reference) => {
      await expect(project.find(reference)).rejects.toMatchObject({
        name: "SourceNotFound",
        hint: 'Did you mean "tree"? Name one of: tree, shop.',
      });
    },
  );

  test("of a source is no backup's", async () => {
    await expect(project.find("shop")).rejects.toMatchObject({
      name: "BackupNotFound",
      message: '"shop" is a source, not a backup',
    });
  });
});

describe("a backup that is about to be relied on", () => {
  test("is one that nothing speaks against", async () => {
    const context = await project.open();
    expect(await describeDoubt(context, await project.find(newest, context))).toEqual([]);
  });

  test("is suspicious: what was found, and the newest that is not, are named", async () => {
    const evidence = join(project.vault, "evidence", "tree", newest);
    const [name = ""] = (await project.filesOf(`evidence/tree/${newest}`)).map((path) => path.split("/").at(-1) ?? "");
    const document = JSON.parse(await readFile(join(evidence, name), "utf8"));
    await mkdir(join(project.directory, "kept"));
    await rename(join(evidence, name), join(project.directory, "kept", name));
    const changed = { ...document, check: "suspicious", findings: ["20 rows: 96 % fewer than the last backup (520)"] };
    const context = await project.open();
    await appendEvidence(await context.vaultOf("main"), changed, await context.signerOf("tree"));
    expect(await describeDoubt(context, await project.find("tree@latest", context))).toEqual([
      `${newest} of tree is suspicious: it may have been made after data were lost`,
      "20 rows: 96 % fewer than the last backup (520)",
      `the newest good backup is ${older} (verified)`,
    ]);
  });

  test("turns out damaged: the error names the newest good one, and stays what it was", async () => {
    const context = await project.open();
    const damaged = new HoldfastError("ArtifactDamaged", "an artifact is damaged", { details: ["artifact x"] });
    const found = await project.find(yesterday, context);
    const caught = await namingNewestGood(context, found, () => Promise.reject(damaged)).catch((error: unknown) => error);
    expect(caught).toBe(damaged);
    expect(damaged.details).toEqual(["artifact x", `the newest good backup is ${older} (verified)`]);
    const refused = new HoldfastError("RestoreRefused", "occupied");
    await expect(namingNewestGood(context, found, () => Promise.reject(refused))).rejects.toMatchObject({ details: [] });
  });
});
