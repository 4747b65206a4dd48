/** Backups that name what an earlier one stored: whole in themselves, stored once. */
import { appendFile, mkdir, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { show } from "../../src/cli/commands/show.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import { dumpSource } from "../../src/pipeline/dump.ts";
import { exportBackup } from "../../src/pipeline/export.ts";
import { pruneSource } from "../../src/pipeline/prune.ts";
import { restoreBackup } from "../../src/pipeline/restore.ts";
import { verifyBackup } from "../../src/pipeline/verify.ts";
import type { BackupKind } from "../../src/policy/policy.ts";
import { type ArtifactRecord, readManifest } from "../../src/vault/documents/manifest.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { createFilesProject, type FilesProject, type OpenOptions, partOf } from "../support/files-project.ts";

let project: FilesProject;
let minutes: number;

beforeEach(async () => {
  project = await createFilesProject();
  minutes = 60 * 24 * 30;
  for (const name of ["a", "b", "c", "d"]) await write(name, name);
});
afterEach(() => project[Symbol.asyncDispose]());

/** Files of a part each: nothing else is known of how a tree is cut. */
const fileBytes = 200_000;
const write = (name: string, letter: string): Promise<void> =>
  writeFile(join(project.directory, "tree", name), letter.repeat(fileBytes));

/** A backup an hour after the one before it; gives its id. */
async function back(kind: BackupKind, options: OpenOptions = {}, check = true): Promise<string> {
  minutes -= 60;
  const context = await project.open({ shiftMs: -minutes * 60_000, ...options });
  const { backupId } = await dumpSource(context, { source: "tree", kind });
  if (check) expect(await verifyBackup(context, await project.find(backupId, context))).toMatchObject({ outcome: "verified" });
  return backupId;
}

async function artifactsOf(id: string): Promise<readonly ArtifactRecord[]> {
  const { vault } = await project.find(id);
  return (await readManifest(vault.store, "tree", id)).manifest.artifacts;
}

/** How many parts of the archive lie with which backup. */
async function storersOf(id: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { role, reusedFrom = id } of await artifactsOf(id))
    if (role === "archive") counts[reusedFrom] = (counts[reusedFrom] ?? 0) + 1;
  return counts;
}

describe("what is reused", () => {
  test("by an incremental backup whatever the last one names, by its first storer; a full stores everything", async () => {
    const full = await back("full");
    const stored = (await storersOf(full))[full] ?? 0;
    expect(stored).toBeGreaterThan(4);
    await write("b", "B");
    const first = await back("incremental");
    expect(await storersOf(first)).toEqual({ [full]: stored - 1, [first]: 1 });
    await write("c", "C");
    const second = await back("incremental");
    expect(await storersOf(second)).toEqual({ [full]: stored - 2, [first]: 1, [second]: 1 });
    const differential = await back("differential");
    expect(await storersOf(differential)).toEqual({ [full]: stored - 2, [differential]: 2 });
    const again = await back("full");
    expect(await storersOf(again)).toEqual({ [again]: stored });
  });

  test("is shown with the backup that stored it; where nothing is, no column says so", async () => {
    const full = await back("full");
    await write("b", "B");
    const id = await back("incremental");
    const terminal = { style: (_name: string, text: string) => text } as unknown as Terminal;
    const shown = async (reference: string) => (await show({ context: await project.open(), terminal }, reference)).lines;
    const lines = await shown(id);
    const heading = lines.findIndex((line) => line.includes("ARTIFACT"));
    expect(lines[heading]).toMatch(/STORED BY$/);
    const storers = lines.slice(heading + 1, lines.indexOf("", heading)).map((line) =>
      line
        .trim()
        .split(/\s{2,}/)
        .at(-1),
    );
    const reusing = await artifactsOf(id);
    expect(storers).toEqual(reusing.map(({ reusedFrom }) => reusedFrom ?? "this backup"));
    expect(new Set(storers)).toEqual(new Set([full, "this backup"]));
    expect((await shown(full)).join("\n")).not.toMatch(/STORED BY|this backup/);
  });

  test("by content alone: a file with other bytes and the same size and time is stored", async () => {
    const full = await back("full");
    const path = join(project.directory, "tree", "b");
    const time = new Date("2026-01-01T00:00:00Z");
    await utimes(path, time, time);
    const first = await back("incremental");
    await write("b", "X");
    await utimes(path, time, time);
    const second = await back("incremental");
    expect((await storersOf(second))[second]).toBe(1);
    expect((await storersOf(second))[first]).toBeUndefined();
    expect((await storersOf(second))[full]).toBeGreaterThan(2);
    await restored(second, { b: "X" });
  });

  test("never across keys", async () => {
    await back("full");
    const { createKeyFile } = await import("../../src/sealing/key-file.ts");
    await createKeyFile(join(project.directory, "new.key"), { randomBytes: (count) => Buffer.alloc(count, 9), now: new Date(0) });
    await project.writePolicy(
      "version: 1\nvaults: { main: folder:vault }\nkeys: { main: file:main.key, new: file:new.key }\nsources:\n" +
        "  tree: { engine: files, path: tree, key: new, retention: { keepLast: 1, maxRemoval: 100%, minAge: none } }\n",
    );
    const id = await back("incremental");
    expect(Object.keys(await storersOf(id))).toEqual([id]);
  });

  test("never from a base that is damaged, not genuine, or whose object is missing or cut", async () => {
    const full = await back("full");
    const objects = join(project.vault, "artifacts", "tree", full);
    const parts = (await readdir(objects)).filter((name) => name.endsWith(".tar"));
    await rm(join(objects, parts[1] ?? ""));
    await appendFile(join(objects, parts[2] ?? ""), "x");
    const first = await back("incremental");
    expect(await storersOf(first)).toEqual({ [full]: parts.length - 2, [first]: 2 });
    // An edited manifest is not genuine: the full, the only other base, is all there is.
    const manifest = join(project.vault, "manifests", "tree", `${first}.json`);
    await writeFile(manifest, (await readFile(manifest, "utf8")).replace("0.0.0-test", "0.0.0-tesT"));
    const second = await back("incremental");
    expect(await storersOf(second)).toEqual({ [full]: parts.length - 2, [second]: 2 });
  });

  test("an object that vanishes before the commit ends the backup, and nothing is committed", async () => {
    const full = await back("full");
    const vanishing = (store: ObjectStore): ObjectStore => ({
      ...store,
      async put(key, body, options) {
        const put = await store.put(key, body, options);
        if (key.endsWith("index.jsonl")) await store.delete(`artifacts/tree/${full}/files-${full.slice(-6)}-00002.tar`);
        return put;
      },
    });
    await expect(back("incremental", { wrapStore: vanishing }, false)).rejects.toMatchObject({ name: "ArtifactMissing" });
    expect(await project.filesOf("manifests")).toEqual([`manifests/tree/${full}.json`]);
  });
});

describe("a backup whose parts others name", () => {
  test("is pruned, and its parts stay until none names them", async () => {
    const full = await back("full");
    await write("b", "B");
    const first = await back("incremental");
    const prune = async (daysLater: number) => pruneSource(await project.open({ shiftMs: daysLater * 86_400_000 }), "tree");
    expect((await prune(0)).deleted).toEqual([full]);
    const left = await project.filesOf(`artifacts/tree/${full}`);
    expect(left).toHaveLength((await storersOf(first))[full] ?? 0);
    // What the full alone had is gone at once: the part of `b`, its lists, its seal.
    expect(left.every((name) => name.endsWith(".tar"))).toBe(true);
    expect((await prune(3)).sweptObjects).toBe(0);
    await restored(first, { a: "a", b: "B", c: "c", d: "d" });
    for (const name of ["a", "b", "c", "d"]) await write(name, name.toUpperCase());
    const second = await back("incremental");
    expect((await prune(3)).deleted).toEqual([first]);
    expect(Object.keys(await storersOf(second))).not.toContain(first);
    await prune(6);
    const named = (await artifactsOf(second)).filter(({ reusedFrom }) => reusedFrom === full).length;
    expect(await project.filesOf(`artifacts/tree/${full}`)).toHaveLength(named);
    await restored(second, { a: "A", b: "B", c: "C", d: "D" });
  });

  test("stays as a whole while a manifest that may name its parts cannot be relied on", async () => {
    const full = await back("full");
    const first = await back("incremental");
    const manifest = join(project.vault, "manifests", "tree", `${first}.json`);
    const genuine = await readFile(manifest);
    await write("b", "B");
    const second = await back("full");
    // Somebody who has no key writes a manifest that names nothing.
    const forged = JSON.parse(genuine.toString("utf8"));
    await writeFile(manifest, genuine.toString("utf8").replaceAll(`,"reusedFrom":"${full}"`, ""));
    expect(forged.artifacts.some((each: ArtifactRecord) => each.reusedFrom === full)).toBe(true);
    const before = await project.filesOf(`artifacts/tree/${full}`);
    const { deleted, plan } = await pruneSource(await project.open({ shiftMs: 5 * 86_400_000 }), "tree");
    expect(deleted).not.toContain(full);
    expect(plan.decisions.find(({ id }) => id === full)?.reasons.join()).toContain(`${first} may name its artifacts`);
    expect(await project.filesOf(`artifacts/tree/${full}`)).toEqual(before);
    expect(second).toBeDefined();
    await writeFile(manifest, genuine);
    await restored(first, { a: "a", b: "b" });
  });

  test("is damaged where one object of them is, and so is each that names it", async () => {
    const full = await back("full");
    const first = await back("incremental");
    await write("d", "D");
    const second = await back("incremental");
    await appendFile(join(project.vault, "artifacts", "tree", full, partOf(full, 5)), "x");
    const { outcome, findings } = await verifyBackup(await project.open(), await project.find(first));
    expect(outcome).toBe("damaged");
    expect(findings.join()).toContain("damaged by the same object");
    for (const id of [full, first]) expect((await project.find(id)).entry.state).toBe("damaged");
    const named = (await artifactsOf(second)).some(({ name, reusedFrom }) => reusedFrom === full && name === partOf(full, 5));
    expect((await project.find(second)).entry.state).toBe(named ? "damaged" : "verified");
    // Nothing of it is a base: the next one stores what is broken.
    const third = await back("incremental");
    expect((await artifactsOf(third)).some(({ name }) => name === partOf(full, 5))).toBe(false);
  });

  test("is exported with what it names, beside others that name the same", async () => {
    const full = await back("full");
    await write("b", "B");
    const first = await back("incremental");
    await write("c", "C");
    const second = await back("incremental");
    const directory = join(project.directory, "media");
    await mkdir(directory);
    for (const id of [second, full, first]) await exportBackup(await project.open(), await project.find(id), directory);
    await rm(project.vault, { recursive: true });
    await project.writePolicy(
      "version: 1\nvaults: { main: folder:media }\nkeys: { main: file:main.key }\nsources:\n  tree: { engine: files, path: tree, retention: { keepLast: 9 } }\n",
    );
    await restored(second, { b: "B", c: "C" });
    await restored(first, { b: "B", c: "c" });
    await restored(full, { b: "b", c: "c" });
  });
});

/** Restores the backup, and compares these files' letters. */
async function restored(id: string, letters: Readonly<Record<string, string>>): Promise<void> {
  const to = join(project.directory, `restored-${Math.random().toString(36).slice(2)}`);
  await restoreBackup(await project.open(), await project.find(id), { to, overwrite: false, allowDamaged: false });
  for (const [name, letter] of Object.entries(letters)) {
    expect((await readFile(join(to, name), "utf8")) === letter.repeat(fileBytes), `${name} of ${id}`).toBe(true);
  }
}
