/**
 * RESTORE.md followed word for word, with the AWS Encryption SDK for Python, zstd, tar and
 * PostgreSQL's own tools: nothing of ours.
 */
import { randomBytes } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { builtInEngines } from "../../../src/engines/engine-registry.ts";
import { writeInstructions } from "../../../src/pipeline/export/vault-instructions.ts";
import type { SealingKeys } from "../../../src/sealing/keys.ts";
import { sealManifest } from "../../../src/sealing/manifest-seal.ts";
import { canonicalJson, sha256Hex } from "../../../src/vault/documents/canonical-json.ts";
import type { ArtifactRecord } from "../../../src/vault/documents/manifest.ts";
import { type KeyPlace, keysOfFiles, makeKeyPlace, seal, vaultId } from "../../sealing/sealing-fixture.ts";
import { type FollowRequest, tryRestoreInstructions } from "../../support/follow-restore-instructions.ts";
import { startPostgres } from "../../support/postgres-server.ts";
import { runOk } from "../../support/processes.ts";

let place: KeyPlace;
let keyFile: string;
let keys: SealingKeys;
let directory: string;

beforeAll(async () => {
  place = await makeKeyPlace();
  keyFile = (await place.makeKey("main.key")).path;
  keys = await keysOfFiles(keyFile);
  directory = await mkdtemp(join(tmpdir(), "holdfast-instructions-"));
});
afterAll(async () => {
  await place.remove();
  await rm(directory, { recursive: true, force: true });
});

interface Part {
  readonly reusedFrom?: string;
  readonly name: string;
  readonly plain: Uint8Array;
  readonly compress: boolean;
}

/**
 * A backup as it lies in a vault: sealed artifacts, and the manifest that the instructions read.
 */
async function writeBackup(vaultDir: string, engine: string, backupId: string, parts: readonly Part[]): Promise<void> {
  const source = "taskmaster";
  const records: ArtifactRecord[] = [];
  await mkdir(join(vaultDir, "artifacts", source, backupId), { recursive: true });
  await mkdir(join(vaultDir, "manifests", source), { recursive: true });
  for (const { name, plain, compress, reusedFrom } of parts) {
    const storedBy = reusedFrom ?? backupId;
    const context = { vaultId, source, backupId: storedBy, artifact: name };
    const {
      bytes,
      figures: { plainSha256: _, ...figures },
    } = await seal(plain, { keys, compress, context });
    await writeFile(join(vaultDir, "artifacts", source, storedBy, name), bytes);
    const reused = reusedFrom === undefined ? {} : { reusedFrom };
    records.push({ name, role: "content", format: "any", ...figures, plainDigest: "0".repeat(64), ...reused });
  }
  const manifest = {
    formatVersion: 2,
    engine,
    kind: "full",
    base: null,
    coverage: { to: { at: "2026-11-20T02:00:00.000Z" } },
    artifacts: records,
  };
  const text = JSON.stringify(manifest);
  const sealed = await sealManifest(sha256Hex(Buffer.from(text)), { keys, context: { vaultId, source, backupId } });
  await writeFile(join(vaultDir, "artifacts", source, backupId, "manifest"), sealed);
  await writeFile(join(vaultDir, "manifests", source, `${backupId}.json`), text);
  await writeFile(join(vaultDir, "holdfast.json"), canonicalJson({ formatVersion: 2, vaultId }));
}

async function follow(vaultDir: string, request: Partial<FollowRequest> = {}) {
  const workDir = await mkdtemp(join(directory, "work-"));
  const instructions = await writeInstructions(builtInEngines);
  const followed = await tryRestoreInstructions({ instructions, vaultDir, source: "taskmaster", keyFile, workDir, ...request });
  return { workDir, ...followed };
}

describe("restoring a files backup by RESTORE.md", () => {
  const backupId = "20261120T020000Z-incremental-7k3f9a";
  const full = "20261119T020000Z-full-000000";
  const large = randomBytes(2_500_000);
  let vaultDir: string;

  beforeAll(async () => {
    vaultDir = join(directory, "vault of files");
    const tree = join(directory, "tree");
    await mkdir(join(tree, "etc/deep"), { recursive: true });
    await writeFile(join(tree, "etc/deep/large.bin"), large);
    await writeFile(join(tree, "etc/naïve name.conf"), "a = 1\n", { mode: 0o640 });
    await runOk("tar", ["--create", "--file", join(directory, "files.tar"), "--directory", tree, "."]);
    const tar = await readFile(join(directory, "files.tar"));
    const cut = 2 * 512;
    const parts = [
      { name: "files-2.tar", plain: tar.subarray(0, cut), compress: true },
      // Stored by the backup before it: its place and its seal are that backup's.
      { name: "files-1.tar", plain: tar.subarray(cut), compress: true, reusedFrom: full },
      { name: "index.jsonl", plain: Buffer.from('{"path":"etc"}\n'), compress: true },
    ];
    await writeBackup(vaultDir, "files", full, [{ name: "files-2.tar", plain: Buffer.from("older"), compress: false }]);
    await writeBackup(vaultDir, "files", backupId, parts);
  });

  it.each([false, true])("gives back the newest backup's tree (without the zstd program: %s)", async (withoutZstdProgram) => {
    const { exitCode, stderr, stdout, workDir } = await follow(vaultDir, { withoutZstdProgram });
    expect({ exitCode, stderr: exitCode === 0 ? "" : stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toContain(`artifacts/taskmaster/${backupId}/files-2.tar: OK`);
    expect(stdout).toContain(`manifests/taskmaster/${backupId}.json: OK`);
    expect((await readFile(join(workDir, "restored/etc/deep/large.bin"))).equals(large)).toBe(true);
    expect(await readFile(join(workDir, "restored/etc/naïve name.conf"), "utf8")).toBe("a = 1\n");
    expect(await readFile(join(workDir, "index.jsonl"), "utf8")).toBe('{"path":"etc"}\n');
  });

  it("stops at a flipped bit, before anything is opened", async () => {
    const damagedVault = join(directory, "damaged");
    await cp(vaultDir, damagedVault, { recursive: true });
    const object = join(damagedVault, "artifacts/taskmaster", backupId, "files-2.tar");
    const bytes = await readFile(object);
    const middle = Math.floor(bytes.length / 2);
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    await writeFile(object, bytes);
    const { exitCode, stdout, workDir } = await follow(damagedVault);
    expect(exitCode).not.toBe(0);
    expect(stdout).toContain("files-2.tar: FAILED");
    expect(await readdir(workDir)).not.toContain("files.tar");
  });

  it("stops at an artifact of another backup, even when the manifest vouches for it", async () => {
    const swappedVault = join(directory, "swapped");
    await cp(vaultDir, swappedVault, { recursive: true });
    const manifestFile = (id: string) => join(swappedVault, "manifests/taskmaster", `${id}.json`);
    await writeFile(manifestFile(backupId), await readFile(manifestFile("20261119T020000Z-full-000000")));
    const artifactsOf = (id: string) => join(swappedVault, "artifacts/taskmaster", id);
    await cp(artifactsOf("20261119T020000Z-full-000000"), artifactsOf(backupId), { recursive: true });
    const { exitCode, stderr } = await follow(swappedVault);
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain("this was sealed as");
    expect(stderr).toContain("20261119T020000Z-full-000000");
  });

  it.each([
    ["changed", async (path: string) => writeFile(path, (await readFile(path, "utf8")).replace('"full"', '"Full"'))],
    ["without its seal", async (_: string, seal: string) => rm(seal)],
    [
      "with another backup's seal",
      async (_: string, seal: string) => cp(seal.replace(backupId, "20261119T020000Z-full-000000"), seal),
    ],
  ])("loads nothing of a backup whose manifest is %s", async (what, attack) => {
    const attacked = join(directory, `attacked ${what}`);
    await cp(vaultDir, attacked, { recursive: true });
    await attack(
      join(attacked, "manifests/taskmaster", `${backupId}.json`),
      join(attacked, "artifacts/taskmaster", backupId, "manifest"),
    );
    const { exitCode, workDir } = await follow(attacked);
    expect(exitCode).not.toBe(0);
    expect(await readdir(workDir)).not.toContain("restored");
  });

  it("stops when the key file is another one", async () => {
    const other = await place.makeKey("other.key");
    const { exitCode, workDir } = await follow(vaultDir, { keyFile: other.path });
    expect(exitCode).not.toBe(0);
    expect(await readdir(workDir)).not.toContain("restored");
  });
});

describe("restoring a PostgreSQL backup by RESTORE.md", () => {
  it("gives back roles, tables and rows", async () => {
    await using server = await startPostgres({ major: 17 });
    const vaultDir = join(directory, "vault of postgres");
    const psql = (database: string, sql: string) =>
      runOk(join(server.binDir, "psql"), ["--no-psqlrc", "--tuples-only", "--no-align", "--dbname", database, "--command", sql], {
        env: server.env,
      });
    await psql("postgres", "create role reader nologin");
    await psql("postgres", "create database origin");
    await psql("origin", "create table users as select id, md5(id::text) as name from generate_series(1, 50000) id");
    await psql("origin", "grant select on users to reader");
    const dumpFile = join(directory, "archive.dump");
    await runOk(join(server.binDir, "pg_dump"), ["--format=custom", "--compress=zstd:3", "--file", dumpFile, "origin"], {
      env: server.env,
    });
    const globals = await runOk(join(server.binDir, "pg_dumpall"), ["--globals-only", "--no-role-passwords"], { env: server.env });
    const backupId = "20261120T020000Z-full-7k3f9a";
    await writeBackup(vaultDir, "postgres", backupId, [
      { name: "archive.dump", plain: await readFile(dumpFile), compress: false },
      { name: "globals.sql", plain: Buffer.from(globals), compress: true },
    ]);
    await psql("origin", "drop owned by reader");
    await psql("postgres", "drop role reader");
    await psql("postgres", "create database target template template0");
    const { exitCode, stderr } = await follow(vaultDir, {
      backupId,
      pgBin: server.binDir,
      databaseUrl: `postgresql://${server.user}@localhost:${server.port}/target`,
      environment: { PGPASSWORD: server.password },
    });
    expect({ exitCode, stderr: exitCode === 0 ? "" : stderr }).toEqual({ exitCode: 0, stderr: "" });
    const digest = "select count(*), md5(string_agg(u::text, ',' order by id)) from users u";
    expect(await psql("target", digest)).toBe(await psql("origin", digest));
    expect(await psql("target", "select has_table_privilege('reader', 'users', 'select')")).toContain("t");
  });
});
