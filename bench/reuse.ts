/**
 * Thirty daily backups of a tree that changes 1 % a day, a full one a month and incremental ones
 * after it: what is stored, then pruned to five, swept, and all five proven.
 * `npm run bench -- --reuse`.
 */
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findInVaults } from "../src/pipeline/catalogue/find-backups.ts";
import { dumpSource } from "../src/pipeline/dump.ts";
import { pruneSource } from "../src/pipeline/prune.ts";
import { restoreTest } from "../src/pipeline/restore-test.ts";
import { verifyBackup } from "../src/pipeline/verify.ts";
import { createKeyFile } from "../src/sealing/key-file.ts";
import { readManifest } from "../src/vault/documents/manifest.ts";
import { openPipeline, shiftedClock } from "../test/support/pipeline.ts";

const days = 30;
const files = 3_000;
const changedFiles = files / 100;
const dayMs = 86_400_000;

const policy =
  "version: 1\nvaults: { main: folder:vault }\nkeys: { main: file:main.key }\nsources:\n" +
  "  tree: { engine: files, path: tree, retention: { keepLast: 5, maxRemoval: 100%, minAge: none } }\n";

/** The same on every run: xorshift32. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Prints the table. */
export async function benchReuse(print: (line: string) => void): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "hf-reuse-"));
  const random = randomFrom(2_026);
  const fill = (bytes: number): Buffer => Buffer.from(Array.from({ length: bytes }, () => Math.floor(random() * 256)));
  const pathOf = (file: number): string => join(directory, "tree", `d${file % 60}`, `f${file}.bin`);
  const change = (file: number): Promise<void> => writeFile(pathOf(file), fill(2_000 + Math.floor(random() * 30_000)));
  const open = (shiftMs: number) =>
    openPipeline({ policyFile: join(directory, "holdfast.yml"), env: {}, clock: shiftedClock(shiftMs) });
  try {
    await createKeyFile(join(directory, "main.key"), { randomBytes: fill, now: new Date(0) });
    await writeFile(join(directory, "holdfast.yml"), policy);
    for (let folder = 0; folder < 60; folder++) await mkdir(join(directory, "tree", `d${folder}`), { recursive: true });
    for (let file = 0; file < files; file++) await change(file);
    const treeBytes = await bytesBelow(join(directory, "tree"));
    print(`tree: ${files} files, ${inMegabytes(treeBytes)}; ${changedFiles} files change a day`);
    let stored = 0;
    for (let day = 0; day < days; day++) {
      for (let each = 0; day > 0 && each < changedFiles; each++) await change(Math.floor(random() * files));
      const context = await open((day - days) * dayMs);
      const dump = await dumpSource(context, { source: "tree", kind: day === 0 ? "full" : "incremental" });
      await verifyBackup(context, await findInVaults(context, dump.backupId));
      context.close();
      stored += dump.storedBytes;
      if (day < 3 || day === days - 1) {
        print(`day ${day + 1}: ${dump.kind}, stored ${inMegabytes(dump.storedBytes)}, reused ${inMegabytes(dump.reusedBytes)}`);
      }
    }
    print(`stored in ${days} days: ${inMegabytes(stored)}; ${days} full backups would be ${inMegabytes(days * treeBytes)}`);
    print(`the vault: ${inMegabytes(await bytesBelow(join(directory, "vault")))}`);
    // The first prune deletes; what dies with the last name of it is swept once tombstones are
    // trusted.
    for (const later of [0, 3]) {
      const context = await open(later * dayMs);
      const { deleted, sweptObjects } = await pruneSource(context, "tree");
      const bytes = inMegabytes(await bytesBelow(join(directory, "vault")));
      print(
        `pruned${later === 0 ? "" : ` ${later} days later`}: ${deleted.length} backups deleted, ${sweptObjects} objects swept, the vault: ${bytes}`,
      );
      context.close();
    }
    const context = await open(4 * dayMs);
    const left = (await readdir(join(directory, "vault", "manifests", "tree"))).map((name) => name.replace(".json", ""));
    for (const id of left) {
      const found = await findInVaults(context, id);
      const { outcome } = await restoreTest(context, found);
      const { artifacts } = (await readManifest(found.vault.store, "tree", id)).manifest;
      const storers = new Set(artifacts.map(({ reusedFrom = id }) => reusedFrom)).size;
      print(`${id}: ${outcome}, ${artifacts.length} artifacts that ${storers} backups stored`);
    }
    context.close();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function bytesBelow(directory: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}

function inMegabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
