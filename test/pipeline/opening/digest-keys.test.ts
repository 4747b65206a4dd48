/**
 * Digest keys that are lost, changed or swapped by somebody who can write to the vault: the backup
 * is as sound as before, and what was recorded of it is neither equal nor different.
 */
import { mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { dumpSource } from "../../../src/pipeline/dump.ts";
import { exportBackup } from "../../../src/pipeline/export.ts";
import { measureSources } from "../../../src/pipeline/measure-sources.ts";
import { readDigestKey } from "../../../src/pipeline/opening/digest-keys.ts";
import { openBackup } from "../../../src/pipeline/opening/read-backup.ts";
import { restoreBackup } from "../../../src/pipeline/restore.ts";
import { restoreTest } from "../../../src/pipeline/restore-test.ts";
import { verifyBackup } from "../../../src/pipeline/verify.ts";
import { makeDigestKey } from "../../../src/sealing/digest-key.ts";
import { readManifest } from "../../../src/vault/documents/manifest.ts";
import { keyOf } from "../../../src/vault/layout.ts";
import { createFilesProject, type FilesProject } from "../../support/files-project.ts";
import { newestEvidence } from "../../support/signed-vault.ts";

let project: FilesProject;

beforeEach(async () => {
  project = await createFilesProject();
});
afterEach(() => project[Symbol.asyncDispose]());

const pathOf = (id: string): string => join(project.vault, keyOf.digestKey("tree", id));

/** A digest key that a holder of the sealing key made for some backup. */
async function sealedFor(change: { vaultId?: string; source?: string; backupId: string }): Promise<Uint8Array> {
  const context = await project.open();
  const { vault } = await project.find(change.backupId, context);
  const made = { keys: await context.keysOf("main"), context: { vaultId: vault.id, source: "tree", ...change } };
  return (await makeDigestKey((count) => Buffer.alloc(count, 1), made)).sealed;
}

type Attack = (id: string, other: string) => Promise<void>;
const attacks: readonly (readonly [string, Attack])[] = [
  ["deleted", async (id) => rm(pathOf(id))],
  ["emptied", async (id) => writeFile(pathOf(id), "")],
  [
    "changed",
    async (id) => {
      const bytes = await readFile(pathOf(id));
      bytes[bytes.length - 20] = (bytes.at(-20) ?? 0) ^ 1;
      await writeFile(pathOf(id), bytes);
    },
  ],
  ["replaced by something large", async (id) => writeFile(pathOf(id), Buffer.alloc(1024 * 1024, 1))],
  ["replaced by another backup's", async (id, other) => writeFile(pathOf(id), await readFile(pathOf(other)))],
  ["replaced by another vault's", async (id) => writeFile(pathOf(id), await sealedFor({ backupId: id, vaultId: "7".repeat(26) }))],
  ["replaced by another one for the same backup", async (id) => writeFile(pathOf(id), await sealedFor({ backupId: id }))],
  [
    "replaced by a link",
    async (id) => {
      await rename(pathOf(id), join(project.directory, "aside"));
      await symlink(join(project.directory, "aside"), pathOf(id));
    },
  ],
];

describe("a digest key that was", () => {
  test.each(attacks)("%s: the backup verifies, is proven and restores; its digests cannot be compared", async (_, attack) => {
    const other = await project.back({ minutesAgo: 60 });
    const id = await project.back({ minutesAgo: 30 });
    await attack(id, other);
    const warnings: string[] = [];
    const context = await project.open({ warnings });
    expect(await verifyBackup(context, await project.find(id, context))).toMatchObject({ outcome: "verified", findings: [] });
    expect(warnings.join("\n")).toMatch(
      new RegExp(`the digest key of ${id} .*: what was recorded of its content cannot be compared`),
    );
    const found = await project.find(id, context);
    expect((await newestEvidence(found.vault.store, "tree", id))?.digest).toMatchObject({ rows: 1 });
    expect((await newestEvidence(found.vault.store, "tree", id))?.digest).not.toHaveProperty("sealed");
    expect(await restoreTest(context, found)).toMatchObject({ outcome: "proven" });
    const to = join(project.directory, "restored");
    const options = { to, overwrite: false, allowDamaged: false };
    expect(await restoreBackup(context, await project.find(id, context), options)).toMatchObject({ intact: true });
    expect(await readFile(join(to, "file"), "utf8")).toBe("content");
    const { status } = await measureSources(context, Object.values(context.policy.sources));
    expect(status.sources[0]).toMatchObject({ damaged: [] });
  });

  test.each(attacks.filter(([what]) => /deleted|changed|another backup's/.test(what)))(
    "%s in each earlier backup keeps no new one from being made, and compared with them by its counts",
    async (_, attack) => {
      for (let file = 0; file < 200; file += 1) await writeFile(join(project.directory, "tree", `file ${file}`), "x");
      const ids: string[] = [];
      for (const minutesAgo of [300, 240, 180]) ids.push(await project.back({ minutesAgo }));
      for (const [at, id] of ids.entries()) await attack(id, ids.at(at - 1) ?? "");
      expect(await verified()).toMatchObject({ outcome: "verified", findings: [] });
      await rm(join(project.directory, "tree"), { recursive: true });
      await mkdir(join(project.directory, "tree"));
      await writeFile(join(project.directory, "tree", "file"), "x");
      expect(await verified()).toMatchObject({ outcome: "suspicious" });

      async function verified() {
        const context = await project.open();
        const { backupId } = await dumpSource(context, { source: "tree", kind: "full" });
        return verifyBackup(context, await project.find(backupId, context));
      }
    },
  );

  test("lost is left out of an export, which says so and restores", async () => {
    const id = await project.back();
    const whole = join(project.directory, "whole");
    const context = await project.open();
    await exportBackup(context, await project.find(id), whole);
    expect(await readFile(join(whole, keyOf.digestKey("tree", id)))).toEqual(await readFile(pathOf(id)));
    await rm(pathOf(id));
    const copy = join(project.directory, "copy");
    expect(await exportBackup(context, await project.find(id), copy)).toMatchObject({
      notCopied: [expect.stringContaining(keyOf.digestKey("tree", id))],
    });
    await rename(project.vault, join(project.directory, "gone"));
    await rename(copy, project.vault);
    const again = await project.open();
    expect(await restoreTest(again, await project.find(id, again))).toMatchObject({ outcome: "proven" });
  });
});

describe("an artifact", () => {
  test("whose bytes are not those of its digest is damaged, and the message names no digest of them", async () => {
    const id = await project.back();
    const context = await project.open();
    const { vault } = await project.find(id, context);
    const { manifest } = await readManifest(vault.store, "tree", id);
    const digestKey = await readDigestKey(context, vault, manifest);
    const read = async (changed: typeof manifest, key = digestKey) => {
      const engine = await context.engineOf("files");
      return openBackup(vault, await context.keysOf("main"), changed, engine, context.run, { digestKey: key }).readRest();
    };
    await read(manifest);
    const [first, ...rest] = manifest.artifacts;
    if (first === undefined) throw new Error("no artifact");
    const swapped = { ...manifest, artifacts: [{ ...first, plainDigest: rest[0]?.plainDigest ?? "" }, ...rest] };
    await expect(read(swapped)).rejects.toMatchObject({
      name: "ArtifactDamaged",
      message: expect.stringMatching(/does not hold what its manifest says: as many bytes, with another digest$/),
    });
    const shorter = { ...manifest, artifacts: [{ ...first, plainBytes: first.plainBytes - 1 }, ...rest] };
    await expect(read(shorter)).rejects.toMatchObject({
      name: "ArtifactDamaged",
      message: expect.stringMatching(/does not hold what its manifest says: \d+ bytes, not \d+$/),
    });
  });
});
