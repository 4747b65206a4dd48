/** A prune beside a reader: the backup that is read stays, whatever retention says. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { findInVaults } from "../../src/pipeline/catalogue/find-backups.ts";
import { whileReading } from "../../src/pipeline/catalogue/with-read-mark.ts";
import { dumpSource } from "../../src/pipeline/dump.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { planPrune, pruneSource } from "../../src/pipeline/prune.ts";
import { restoreBackup } from "../../src/pipeline/restore.ts";
import { verifyBackup } from "../../src/pipeline/verify.ts";
import { createKeyFile } from "../../src/sealing/key-file.ts";
import { addHold, type Hold } from "../../src/vault/documents/holds.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { openPipeline, shiftedClock } from "../support/pipeline.ts";
import { idOf, signedNames } from "../support/signed-vault.ts";

let directory: string;
let policyFile: string;
const contexts: PipelineContext[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "holdfast-reading-"));
  policyFile = join(directory, "holdfast.yml");
  await mkdir(join(directory, "tree"));
  await writeFile(join(directory, "tree", "file"), "content");
  await createKeyFile(join(directory, "main.key"), { randomBytes: (count) => Buffer.alloc(count, 7), now: new Date(0) });
  await writeFile(
    policyFile,
    "version: 1\nvaults: { main: folder:vault }\nkeys: { main: file:main.key }\nsources:\n" +
      "  tree: { engine: files, path: tree, retention: { keepLast: 1, maxRemoval: 100%, minAge: none } }\n",
  );
});

afterEach(async () => {
  for (const context of contexts.splice(0)) context.close();
  await rm(directory, { recursive: true, force: true });
});

async function open(shiftMs = 0, wrapStore?: (store: ObjectStore) => ObjectStore): Promise<PipelineContext> {
  const options = { policyFile, env: {}, clock: shiftedClock(shiftMs), ...(wrapStore === undefined ? {} : { wrapStore }) };
  const context = await openPipeline(options);
  contexts.push(context);
  return context;
}

/** Two verified backups, the older of which retention releases; gives the older's id. */
async function makeTwo(): Promise<string> {
  const ids: string[] = [];
  for (const shiftMs of [-60_000, 0]) {
    const context = await open(shiftMs);
    const { backupId } = await dumpSource(context, { source: "tree", kind: "full" });
    await verifyBackup(context, await findInVaults(context, backupId));
    ids.push(backupId);
  }
  return ids[0] ?? "";
}

const marks = async (): Promise<string[]> =>
  (await readdir(join(directory, "vault", "leases", "reading"), { recursive: true }).catch(() => [])).filter((name) =>
    name.endsWith(".json"),
  );

test("a backup that is being read is kept, with who reads it as the reason, and released afterwards", async () => {
  const older = await makeTwo();
  const context = await open();
  const found = await findInVaults(context, older);
  await whileReading(context, found, "restore", async () => {
    const plan = await planPrune(context, "tree");
    expect(plan.released).toEqual([]);
    expect(plan.decisions.find(({ id }) => id === older)?.reasons.join()).toMatch(/being read: restore by test:\d+ since \d{4}-/);
    expect((await pruneSource(context, "tree")).deleted).toEqual([]);
  });
  expect(await marks()).toEqual([]);
  expect((await pruneSource(context, "tree")).deleted).toEqual([older]);
});

test("a reader that takes longer than a mark lives marks anew, and takes the last one back", async () => {
  const older = await makeTwo();
  const context = await open();
  const found = await findInVaults(context, older);
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  try {
    await whileReading(context, found, "restore", async () => {
      const [first] = await marks();
      vi.advanceTimersByTime(8 * 3_600_000);
      await vi.waitFor(async () => {
        const now = await marks();
        expect(now).toHaveLength(1);
        expect(now).not.toEqual([first]);
      });
    });
  } finally {
    vi.useRealTimers();
  }
  expect(await marks()).toEqual([]);
});

test("the mark of a reader that died counts for a day and is collected then", async () => {
  const older = await makeTwo();
  const context = await open();
  const never = whileReading(context, await findInVaults(context, older), "restore", () => new Promise<never>(() => undefined));
  never.catch(() => undefined);
  while ((await marks()).length === 0) await new Promise((resolve) => setImmediate(resolve));
  expect((await pruneSource(await open(23 * 3_600_000), "tree")).deleted).toEqual([]);
  expect((await pruneSource(await open(25 * 3_600_000), "tree")).deleted).toEqual([older]);
  expect(await marks()).toEqual([]);
});

test.each([
  [
    "a reader that begins",
    async (store: ObjectStore, id: string) => {
      const until = new Date(Date.now() + 60_000).toISOString().replaceAll(/[-:.]/g, "");
      await store.put(`leases/reading/tree/${id}/${until}-00.json`, Buffer.from("{}"));
    },
  ],
  [
    "a hold that is put",
    async (store: ObjectStore, id: string) => {
      const at = "2026-01-01T00:00:00.000Z";
      const hold = Buffer.from(JSON.stringify({ formatVersion: 2, source: "tree", backupId: id, by: "x", reason: "y", at }));
      await store.put(signedNames(await idOf(store)).hold("tree", id, hold, new Date(at)), hold);
    },
  ],
] as const)("%s between the first look and the deletion keeps the backup whole", async (_name, interfere) => {
  const older = await makeTwo();
  // Interferes at the last possible moment: when the manifest has just been deleted.
  const meddling = (store: ObjectStore): ObjectStore => ({
    ...store,
    async delete(key) {
      await store.delete(key);
      if (key.startsWith("manifests/")) await interfere(store, older);
    },
  });
  const pruned = await pruneSource(await open(0, meddling), "tree");
  expect(pruned.deleted).toEqual([]);
  const context = await open();
  expect((await verifyBackup(context, await findInVaults(context, older))).outcome).toBe("verified");
});

test("verify and restore leave no mark behind, also when they fail", async () => {
  const older = await makeTwo();
  const context = await open();
  const found = await findInVaults(context, older);
  const to = join(directory, "restored");
  await restoreBackup(context, found, { to, overwrite: false, allowDamaged: false });
  await expect(restoreBackup(context, found, { to, overwrite: false, allowDamaged: false })).rejects.toMatchObject({
    name: "RestoreRefused",
  });
  expect(await marks()).toEqual([]);
});

test("a hold is respected by a prune that planned before it", async () => {
  const older = await makeTwo();
  const context = await open();
  const at = new Date(0).toISOString();
  const hold: Hold = { formatVersion: 2, source: "tree", backupId: older, by: "me", reason: "case", at };
  await addHold(await context.vaultOf("main"), hold, await context.signerOf("tree"));
  expect((await pruneSource(context, "tree")).deleted).toEqual([]);
});
