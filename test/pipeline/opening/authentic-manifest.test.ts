/**
 * Manifests that somebody made or changed who can write to the vault and has no key; vaults that
 * are copied into one another.
 */
import { cp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { checkPolicy } from "../../../src/pipeline/check.ts";
import { exportBackup } from "../../../src/pipeline/export.ts";
import { measureSources } from "../../../src/pipeline/measure-sources.ts";
import { readAuthenticManifest } from "../../../src/pipeline/opening/authentic-manifest.ts";
import { openBackup } from "../../../src/pipeline/opening/read-backup.ts";
import { planPrune, pruneSource } from "../../../src/pipeline/prune.ts";
import { restoreBackup } from "../../../src/pipeline/restore.ts";
import { restoreTest } from "../../../src/pipeline/restore-test.ts";
import { verifyBackup } from "../../../src/pipeline/verify.ts";
import { canonicalJson } from "../../../src/vault/documents/canonical-json.ts";
import { readManifest } from "../../../src/vault/documents/manifest.ts";
import { openVault } from "../../../src/vault/documents/vault.ts";
import { createFilesProject, type FilesProject, treePolicy } from "../../support/files-project.ts";
import { expectCountsForNothing, manifestAttacks } from "../../support/manifest-attacks.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

let project: FilesProject;
beforeEach(async () => {
  project = await createFilesProject();
});
afterEach(() => project[Symbol.asyncDispose]());

const vaultPath = (...parts: string[]): string => join(project.vault, ...parts);
const verify = async (id: string) => verifyBackup(await project.open(), await project.find(id));

async function openStore() {
  const store = await (await project.open()).storeOf("main");
  return { store, vaultId: (await openVault(store)).vaultId };
}

describe("somebody without the key who", () => {
  test.each(manifestAttacks)("$name makes nothing that counts", async ({ apply }) => {
    await project.writePolicy(treePolicy.replace("keepLast: 1", "keepLast: 2"));
    const older = await project.back({ minutesAgo: 60 });
    const newer = await project.back({ minutesAgo: 30 });
    const id = await apply({ ...(await openStore()), older, newer });
    await expectCountsForNothing(
      project,
      id,
      [older, newer].filter((each) => each !== id),
    );
  });

  test("plants an old backup hides no overdue restore test by a proof of it", async () => {
    await project.back({ minutesAgo: 60 });
    const newer = await project.back({ minutesAgo: 30 });
    const makes = manifestAttacks.find(({ name }) => name === "backdates one");
    const id = await makes?.apply({ ...(await openStore()), older: newer, newer });
    const context = await project.open();
    const { status } = await measureSources(context, Object.values(context.policy.sources));
    expect(status.sources[0]?.restoreTest).toMatchObject({ outcome: null, backupId: null });
    expect(status.sources[0]?.damaged).toEqual([id]);
  });
});

test("one changed byte, anywhere in a manifest or its seal, never gives another manifest that counts", {
  timeout: 300_000,
}, async () => {
  const id = await project.back({ verify: false });
  const found = await project.find(id);
  const paths = [vaultPath("manifests/tree", `${id}.json`), vaultPath("artifacts/tree", id, "manifest")];
  const [manifest, seal] = await Promise.all(paths.map((path) => readFile(path)));
  const edit = fc.record({
    at: fc.nat(),
    kind: fc.constantFrom("change", "insert", "remove"),
    byte: fc.integer({ min: 0, max: 255 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(0, 1), edit, async (which, { at, kind, byte }) => {
      const original = (which === 0 ? manifest : seal) as Buffer;
      const position = at % original.length;
      const middle = kind === "remove" ? [] : kind === "insert" ? [byte, original[position] ?? 0] : [byte];
      const changed = Buffer.concat([original.subarray(0, position), Buffer.from(middle), original.subarray(position + 1)]);
      await writeFile(paths[which] ?? "", changed);
      try {
        const read = await readAuthenticManifest(await project.open(), found.vault, "tree", id).catch((error: Error) => error);
        if (read instanceof Error) expect(["ManifestDamaged", "KeyMissing", "VaultInvalid"]).toContain(read.name);
        else expect(Buffer.from(read.bytes).equals(manifest as Buffer)).toBe(true);
        if (which === 0 && !changed.equals(original)) expect(read).toBeInstanceOf(Error);
      } finally {
        await writeFile(paths[which] ?? "", original);
      }
    }),
    { numRuns: 150 },
  );
});

describe("a backup of one vault that is copied into another, of the same source and key,", () => {
  test("is damaged there: nothing restores it, and nothing is pruned for it", async () => {
    const staging = await project.back({ minutesAgo: 1 });
    const aside = join(project.directory, "staging");
    await rename(project.vault, aside);
    const production = await project.back({ minutesAgo: 60 });
    for (const room of ["manifests", "artifacts", "evidence"]) {
      await cp(join(aside, room, "tree"), vaultPath(room, "tree"), { recursive: true });
    }
    await expectCountsForNothing(project, staging, [production]);
    const found = await verify(staging);
    expect(found).toMatchObject({ outcome: "damaged", findings: [expect.stringContaining("for another vault")] });
    expect(await verify(production)).toMatchObject({ outcome: "verified" });
  });

  test("is genuine where the other vault's holdfast.json stands, but every backup of before is damaged then", async () => {
    const production = await project.back({ minutesAgo: 60 });
    const document = JSON.parse(await readFile(vaultPath("holdfast.json"), "utf8"));
    await writeFile(vaultPath("holdfast.json"), canonicalJson({ ...document, vaultId: "7".repeat(26) }));
    const context = await project.open();
    const { status } = await measureSources(context, Object.values(context.policy.sources));
    expect(status.sources[0]).toMatchObject({ damaged: [production], newestVerified: null, verdict: "breach" });
  });

  test("is refused by each of its artifacts as well", async () => {
    const staging = await project.back();
    const found = await project.find(staging);
    const elsewhere = { ...found.vault, id: "7".repeat(26) };
    const context = await project.open();
    const { manifest } = await readManifest(found.vault.store, "tree", staging);
    const backup = openBackup(elsewhere, await context.keysOf("main"), manifest, await context.engineOf("files"), context.run, {});
    await expect(backup.readRest()).rejects.toMatchObject({
      name: "SealInvalid",
      message: expect.stringMatching(/was sealed for another vault \([0-9a-z]{26}; this one is 7{26}\)/),
    });
  });

  test("by an export goes into a vault of the same id only, and is restored from there", async () => {
    const id = await project.back();
    const copy = join(project.directory, "copy");
    await exportBackup(await project.open(), await project.find(id), copy);
    const idOf = async (directory: string) => JSON.parse(await readFile(join(directory, "holdfast.json"), "utf8")).vaultId;
    expect(await idOf(copy)).toBe(await idOf(project.vault));
    await rename(project.vault, join(project.directory, "gone"));
    await project.writePolicy(treePolicy.replace("folder:vault", "folder:copy"));
    expect(await restoreTest(await project.open(), await project.find(id))).toMatchObject({ outcome: "proven" });
    // A vault of another id takes none of it.
    await project.writePolicy(treePolicy.replace("folder:vault", "folder:another"));
    const other = await project.back();
    await expect(exportBackup(await project.open(), await project.find(other), copy)).rejects.toMatchObject({
      name: "UsageInvalid",
      message: expect.stringContaining("is a vault already"),
    });
  });
});

describe("a lost holdfast.json", () => {
  const repair = async () =>
    checkPolicy(await project.open(), Object.values((await project.open()).policy.sources), { repair: true, deployed: false });

  test("is written anew with the id that the backups are sealed for", async () => {
    const id = await project.back();
    const before = JSON.parse(await readFile(vaultPath("holdfast.json"), "utf8")).vaultId;
    await rm(vaultPath("holdfast.json"));
    expect(await repair()).toContainEqual(
      expect.objectContaining({
        subject: "repair",
        message: expect.stringContaining("with the id that its backups are sealed for"),
      }),
    );
    expect(JSON.parse(await readFile(vaultPath("holdfast.json"), "utf8")).vaultId).toBe(before);
    expect(await verify(id)).toMatchObject({ outcome: "verified" });
  });

  test("takes its id from a genuine backup, not from what others put there, and is not written without the key", async () => {
    const older = await project.back({ minutesAgo: 60 });
    const newer = await project.back({ minutesAgo: 30 });
    const { store, vaultId } = await openStore();
    for (const attack of manifestAttacks.filter(({ name }) => /own|replays|postdates/.test(name))) {
      await attack.apply({ store, vaultId, older, newer });
    }
    await rm(vaultPath("holdfast.json"));
    const key = join(project.directory, "main.key");
    await rename(key, `${key}.away`);
    expect(await repair()).toContainEqual(expect.objectContaining({ level: "error", subject: "repair" }));
    await expect(readFile(vaultPath("holdfast.json"))).rejects.toMatchObject({ code: "ENOENT" });
    await rename(`${key}.away`, key);
    await repair();
    expect((await openStore()).vaultId).toBe(vaultId);
  });
});

describe("a holdfast.json that others changed", () => {
  const check = async (repair: boolean) =>
    checkPolicy(await project.open(), Object.values((await project.open()).policy.sources), { repair, deployed: false });
  const subjects = async () => (await check(false)).map(({ subject }) => subject);

  test("to another vault's id is found, and nobody is told to delete what was signed before", async () => {
    const id = await project.back();
    const text = await readFile(vaultPath("holdfast.json"), "utf8");
    const { vaultId } = JSON.parse(text);
    await writeFile(vaultPath("holdfast.json"), text.replace(vaultId, "0123456789abcdefghjkmnpqrs"));
    const findings = await check(false);
    const found = findings.find(({ subject }) => subject === "vault's id");
    expect(found).toMatchObject({ level: "error", message: expect.stringContaining(`sealed for ${vaultId}: it was replaced`) });
    expect(found?.remedy).toContain("Delete nothing");
    expect(findings.map(({ subject }) => subject)).not.toContain("signatures");
    // As the remedy says.
    await rename(vaultPath("holdfast.json"), join(project.directory, "replaced.json"));
    await check(true);
    expect((await openStore()).vaultId).toBe(vaultId);
    expect(await subjects()).not.toContain("vault's id");
    expect(await verify(id)).toMatchObject({ outcome: "verified" });
    // One backup that is sealed for this vault says that it is the right one.
    await writeFile(vaultPath("evidence/tree", id, "20260101T000000000Z-proven.json"), "");
    expect(await subjects()).toContain("signatures");
  });

  test.each(["", "{}", "[".repeat(60_000)])("to %j is repaired once it was moved away, as the hint says", async (text) => {
    const id = await project.back();
    await writeFile(vaultPath("holdfast.json"), text);
    await expect(project.find(id)).rejects.toMatchObject({ hint: expect.stringContaining("move it out of the vault and run") });
    expect(await check(true)).toContainEqual(expect.objectContaining({ level: "error", subject: "repair" }));
    expect(await readFile(vaultPath("holdfast.json"), "utf8")).toBe(text);
    await rename(vaultPath("holdfast.json"), join(project.directory, "moved.json"));
    await check(true);
    expect(await verify(id)).toMatchObject({ outcome: "verified" });
  });
});

describe("a machine without the key", () => {
  beforeEach(async () => {
    await project.back({ minutesAgo: 60 });
    await project.back();
    await rm(join(project.directory, "main.key"));
  });

  test("sees the states, and that they are not checked", async () => {
    const context = await project.open();
    const { status } = await measureSources(context, Object.values(context.policy.sources));
    expect(status.sources[0]?.newestVerified?.state).toBe("verified");
    expect(status.sources[0]?.findings).toContainEqual({
      level: "warning",
      subject: "backup",
      message: expect.stringMatching(/made with the vault's key was not checked: .*main/),
    });
  });

  test("prunes nothing, and plans nothing to prune", async () => {
    for (const attempt of [planPrune, pruneSource]) {
      await expect(attempt(await project.open(), "tree")).rejects.toMatchObject({ name: "KeyFileInvalid" });
    }
    expect(await project.filesOf("manifests")).toHaveLength(2);
  });

  test("exports a backup, and says that it was not checked", async () => {
    const warnings: string[] = [];
    const [, newest] = (await project.filesOf("manifests")).map((file) => file.slice("manifests/tree/".length, -5));
    await exportBackup(await project.open({ warnings }), await project.find(newest ?? ""), join(project.directory, "copy"));
    expect(warnings.join()).toContain("was not checked");
  });
});

test("--allow-damaged takes a backup whose manifest nobody vouches for, and says that it is not whole", async () => {
  const id = await project.back();
  await rm(vaultPath("artifacts/tree", id, "manifest"));
  const request = { to: join(project.directory, "restored"), overwrite: false, allowDamaged: true };
  const restored = await restoreBackup(await project.open(), await project.find(id), request);
  expect(restored.intact).toBe(false);
  expect(restored.loadFindings).toContainEqual({
    class: "damage",
    subject: "manifest",
    message: expect.stringContaining("it has no seal"),
  });
  expect(await readFile(join(project.directory, "restored", "file"), "utf8")).toBe("content");
});
