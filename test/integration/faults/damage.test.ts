/**
 * Every kind of damage to a vault is found and named, with exit code 4, and nothing is falsely
 * green afterwards.
 */
import { chmod, cp, open, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createProject, type Project, postgresSource } from "../../support/holdfast.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";

let server: PostgresServer;
let project: Project;
/** The vault as it was before any damage. */
let pristine: string;
let ids: string[];

beforeAll(async () => {
  server = await startPostgres({ major: 17 });
  await server.sql("create database shop");
  await server.sql("create table orders as select n as id, md5(n::text) as note from generate_series(1, 5000) n", "shop");
  project = await createProject({ sources: postgresSource("shop", "SHOP_URL"), env: { SHOP_URL: server.urlOf("shop") } });
  for (let count = 0; count < 2; count += 1) expect((await project.holdfast(["backup", "shop", "--no-prune"])).code).toBe(0);
  ids = (await readdir(join(project.vault, "manifests", "shop"))).map((name) => name.replace(/\.json$/, "")).sort();
  pristine = join(project.directory, "pristine");
  await cp(project.vault, pristine, { recursive: true });
}, 180_000);

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await server.remove();
});

const newest = (): string => ids.at(-1) ?? "";
const artifact = (name: string, id = newest()): string => join(project.vault, "artifacts", "shop", id, name);
const manifest = (id = newest()): string => join(project.vault, "manifests", "shop", `${id}.json`);

async function flip(path: string, position: (bytes: number) => number): Promise<void> {
  const file = await open(path, "r+");
  try {
    const at = position((await file.stat()).size);
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, at);
    byte.writeUInt8(byte.readUInt8(0) ^ 1);
    await file.write(byte, 0, 1, at);
  } finally {
    await file.close();
  }
}

async function edit(path: string, change: (text: string) => string): Promise<void> {
  const before = await readFile(path, "utf8");
  const after = change(before);
  expect(after).not.toBe(before);
  await chmod(path, 0o600);
  await writeFile(path, after);
}

/** Each damage, and what the finding must name. */
const damages: readonly [string, () => Promise<void>, RegExp][] = [
  ["a bit flipped at the start of an artifact", () => flip(artifact("archive.dump"), () => 3), /archive\.dump/],
  ["a bit flipped in the middle", () => flip(artifact("archive.dump"), (bytes) => bytes >> 1), /archive\.dump/],
  ["a bit flipped at the end", () => flip(artifact("archive.dump"), (bytes) => bytes - 1), /archive\.dump/],
  ["a bit flipped in the globals", () => flip(artifact("globals.sql"), (bytes) => bytes >> 1), /globals\.sql/],
  ["a truncated artifact", () => truncate(artifact("archive.dump"), 1000), /archive\.dump/],
  ["an empty artifact", () => truncate(artifact("archive.dump"), 0), /archive\.dump/],
  ["bytes appended to an artifact", async () => writeFile(artifact("archive.dump"), "x", { flag: "a" }), /archive\.dump/],
  ["a missing artifact", () => rm(artifact("archive.dump")), /archive\.dump/],
  ["another backup's artifact in its place", () => cp(artifact("archive.dump", ids[0]), artifact("archive.dump")), /archive\.dump/],
  [
    "two artifacts swapped",
    async () => {
      await rename(artifact("archive.dump"), artifact("swap"));
      await rename(artifact("globals.sql"), artifact("archive.dump"));
      await rename(artifact("swap"), artifact("globals.sql"));
    },
    /archive\.dump|globals\.sql/,
  ],
  [
    "a manifest with an edited row count",
    () => edit(manifest(), (text) => text.replace('"rows":5000', '"rows":4999')),
    /manifest|orders/,
  ],
  [
    "a manifest with an edited fact",
    () => edit(manifest(), (text) => text.replace('"engine":"postgres"', '"engine":"postgre5"')),
    /manifest/i,
  ],
  [
    "a manifest with an edited checksum",
    () => edit(manifest(), (text) => text.replace(/(?<="storedSha256":")./, (digit) => (digit === "0" ? "1" : "0"))),
    /manifest|SHA-256/i,
  ],
  ["a manifest cut short", () => truncate(manifest(), 200), /manifest/i],
  ["a manifest with another backup's id", () => cp(manifest(ids[0]), manifest()), /manifest/i],
];

describe("verify", () => {
  test.each(damages)("finds %s", async (_name, damage, names) => {
    await rm(project.vault, { recursive: true });
    await cp(pristine, project.vault, { recursive: true });
    await damage();
    const verified = await project.holdfast(["verify", newest()]);
    expect(verified.code).toBe(4);
    expect(JSON.stringify(verified.json)).toMatch(names);
    expect(verified.stderr + verified.stdout).not.toMatch(/^\s+at .*\.[tj]s:\d+/m);

    const listed = await project.holdfast(["list", "shop"]);
    expect(listed.json.backups.map((backup: { state: string }) => backup.state)).toEqual(["verified", "damaged"]);
    // Nothing goes on as if it were good: not a restore, not a prune.
    const restored = await project.holdfast(["restore", newest(), "--to", "shop_restored"]);
    expect(restored.code).toBe(4);
    expect(await server.sql("select count(*) from pg_database where datname like 'shop_%'")).toBe("0");
    expect((await project.holdfast(["prune", "shop"])).code).toBe(5);
    // The other backup is untouched by it.
    expect((await project.holdfast(["verify", ids[0] ?? ""])).code).toBe(0);
  });

  test("names the key that is needed when the policy has another, and calls nothing damaged", async () => {
    await rm(project.vault, { recursive: true });
    await cp(pristine, project.vault, { recursive: true });
    const right = join(project.directory, "right.key");
    await rename(project.keyFile, right);
    try {
      const made = await project.holdfast(["init", "--key", project.keyFile], { HOLDFAST_POLICY: "" });
      expect(made.code).toBe(2); // The policy exists already and is left as it is …
      expect((await project.say(["--policy", "other.yml", "init", "--key", project.keyFile])).code).toBe(0);
      const verified = await project.holdfast(["verify", newest()]);
      expect(verified.code).toBe(4);
      expect(JSON.stringify(verified.json)).toContain("KeyMissing");
      const listed = await project.holdfast(["list", "shop"]);
      // Neither damaged nor good: nobody with this policy could open it, or tell whether it is
      // genuine.
      expect(listed.json.backups.at(-1)).toMatchObject({ state: "stored" });
      expect(listed.json.backups.at(-1)).not.toHaveProperty("problems");
    } finally {
      await rename(right, project.keyFile);
    }
  });
});

test("a restore test of a damaged backup is disproven, with exit code 4", async () => {
  await rm(project.vault, { recursive: true });
  await cp(pristine, project.vault, { recursive: true });
  await flip(artifact("archive.dump"), (bytes) => bytes >> 1);
  const tested = await project.holdfast(["restore-test", "shop"]);
  expect(tested.code).toBe(4);
  expect(tested.json.tests[0]).toMatchObject({ check: "disproven" });
});
