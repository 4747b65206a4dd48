import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/runtime/clock.ts";
import { openFolderStore } from "../../../src/vault/folder/store.ts";
import { machineProcesses } from "../../../src/vault/process-identity.ts";
import { collect, patternedBytes, toList } from "../../support/streams.ts";
import { testObjectStore } from "../object-store.contract.ts";

const options = { clock: systemClock };

async function listPartials(root: string): Promise<string[]> {
  return readdir(join(root, ".partial")).catch(() => []);
}

const lockOf = (root: string, key: string) =>
  join(root, ".partial", `${createHash("sha256").update(key).digest("hex").slice(0, 32)}.lock`);

testObjectStore(
  "a folder",
  async () => {
    const root = await mkdtemp(join(tmpdir(), "holdfast-folder-"));
    return {
      store: openFolderStore(root, options),
      other: openFolderStore(root, options),
      countLeftovers: async () => (await listPartials(root)).length,
      dispose: () => rm(root, { recursive: true, force: true }),
    };
  },
  { largeBytes: 5_000_001 },
);

describe("a folder vault", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "holdfast-folder-"));
  });
  afterEach(async () => {
    await rm(root, { recursive: true, force: true });
  });

  it("makes its directory with the first object, for the owner only", async () => {
    const path = join(root, "deep/er/vault");
    const store = openFolderStore(path, options);
    expect(await store.head("holdfast.json")).toBeUndefined();
    expect(await toList(store.list(""))).toEqual([]);
    await store.put("manifests/shop/x.json", Buffer.from("{}"));
    const modes = await Promise.all(
      ["", "manifests", "manifests/shop", "manifests/shop/x.json"].map((name) => stat(join(path, name))),
    );
    expect(modes.map(({ mode }) => mode & 0o777)).toEqual([0o700, 0o700, 0o700, 0o600]);
    expect(store.url).toBe(`folder:${path}`);
  });

  it("leaves no empty directories behind when objects are deleted", async () => {
    const store = openFolderStore(root, options);
    await store.put("artifacts/shop/a/data", Buffer.from("x"));
    await store.put("artifacts/shop/b/data", Buffer.from("x"));
    await store.delete("artifacts/shop/a/data");
    expect(await readdir(join(root, "artifacts/shop"))).toEqual(["b"]);
    await store.delete("artifacts/shop/b/data");
    expect((await readdir(root)).filter((name) => name !== ".partial")).toEqual([]);
  });

  it("makes a directory again that another process removed between two writes", async () => {
    const store = openFolderStore(root, options);
    await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        await store.put(`artifacts/shop/x/${index}`, Buffer.from("x"), { ifAbsent: true });
        await store.delete(`artifacts/shop/x/${index}`);
      }),
    );
    expect(await toList(store.list(""))).toEqual([]);
  });

  it("refuses links inside the vault, wherever they lead, and allows one to the vault", async () => {
    const outside = await mkdtemp(join(tmpdir(), "holdfast-outside-"));
    try {
      await mkdir(join(root, "vault/manifests"), { recursive: true });
      await writeFile(join(outside, "secret"), "secret");
      await symlink(outside, join(root, "vault/artifacts"));
      await symlink(join(outside, "secret"), join(root, "vault/manifests/linked"));
      await symlink(join(root, "vault"), join(root, "link"));
      for (const path of [join(root, "vault"), join(root, "link")]) {
        const store = openFolderStore(path, options);
        await store.put("manifests/plain", Buffer.from("x"));
        expect((await store.head("manifests/plain"))?.bytes).toBe(1);
        for (const key of ["artifacts/secret", "manifests/linked"]) {
          await expect(store.get(key)).rejects.toMatchObject({ name: "VaultInvalid" });
          await expect(store.head(key)).rejects.toMatchObject({ name: "VaultInvalid" });
          await expect(store.put(key, Buffer.from("x"))).rejects.toMatchObject({ name: "VaultInvalid" });
          await expect(store.delete(key)).rejects.toMatchObject({ name: "VaultInvalid" });
        }
        await expect(toList(store.list("artifacts/"))).rejects.toMatchObject({ name: "VaultInvalid" });
        await expect(toList(store.list("manifests/"))).rejects.toThrow("manifests/linked is a symbolic link");
      }
      expect(await readFile(join(outside, "secret"), "utf8")).toBe("secret");
      expect(await readdir(outside)).toEqual(["secret"]);
    } finally {
      await rm(outside, { recursive: true, force: true });
    }
  });

  it("says so when a file ends before its size while it is read", async () => {
    const store = openFolderStore(root, options);
    await store.put("cut", patternedBytes(4_000_000, 1));
    const { body } = await store.get("cut");
    await truncate(join(root, "cut"), 1_000_000);
    await expect(collect(body)).rejects.toMatchObject({
      name: "StoreUnavailable",
      message: expect.stringContaining("1000000 of 4000000"),
    });
  });

  it("says what is in the way: a file where a directory must be, a directory where an object must be", async () => {
    const store = openFolderStore(root, options);
    await store.put("file", Buffer.from("x"));
    await expect(store.put("file/below", Buffer.from("x"))).rejects.toMatchObject({ name: "VaultInvalid" });
    expect(await store.head("file/below")).toBeUndefined();
    await mkdir(join(root, "directory"));
    await expect(store.put("directory", Buffer.from("x"), { ifAbsent: true })).rejects.toMatchObject({ name: "VaultInvalid" });
    await expect(store.put("directory", Buffer.from("x"))).rejects.toMatchObject({ name: "VaultInvalid" });
    expect(await store.head("directory")).toBeUndefined();
    await store.delete("directory");
    await rm(root, { recursive: true });
    await symlink(join(root, "..", "nowhere-at-all"), root);
    await expect(openFolderStore(root, options).put("x", Buffer.from("x"))).rejects.toMatchObject({ name: "StoreUnavailable" });
  });

  it("takes back what dead writers left, and only what is old enough", async () => {
    const store = openFolderStore(root, options);
    await store.put("object", Buffer.from("x"));
    const lastYear = new Date("2025-01-01T00:00:00Z");
    const [a, b] = ["a".repeat(32), "b".repeat(32)];
    const own = [`${a}.partial`, `${a}.lock`, `${a}.lock.${b}`, `${a}.remover`, `${a}.remover.${b}`];
    const others = ["main.key", "id_rsa", "x.partial", `${a}.partial.gz`, `${a}.lock.old`, `.${a}.partial`, `${a}`];
    const young = `${b}.partial`;
    for (const name of [...own, ...others, young]) await writeFile(join(root, ".partial", name), "half");
    for (const name of [...own, ...others]) await utimes(join(root, ".partial", name), lastYear, lastYear);
    expect(await store.abortStaleUploads(new Date("2025-01-02T00:00:00Z"))).toBe(own.length);
    expect(await listPartials(root)).toEqual([...others, young].sort());
    expect((await toList(store.list(""))).map(({ key }) => key)).toEqual(["object"]);
    expect(await openFolderStore(join(root, "none"), options).abortStaleUploads(lastYear)).toBe(0);
  });

  it("takes over the lock of a process that died, at once, and waits for one that lives", async () => {
    const store = openFolderStore(root, options);
    const { etag } = await store.put("leases/shop.json", Buffer.from("1"));
    const lock = lockOf(root, "leases/shop.json");
    const { self } = machineProcesses();
    if (self === undefined) throw new Error("this test needs /proc");
    const token = "0".repeat(32);
    await writeFile(lock, JSON.stringify({ token, process: { ...self, startTicks: "1" } }));
    // The remover of that lock died, too.
    await writeFile(
      join(root, ".partial", `${token}.remover`),
      JSON.stringify({ token: "1".repeat(32), process: { ...self, startTicks: "2" } }),
    );
    const next = await store.put("leases/shop.json", Buffer.from("2"), { ifMatch: etag });
    expect(await listPartials(root)).toEqual([]);

    await writeFile(lock, JSON.stringify({ token: "2".repeat(32), process: self }));
    const waiting = store.put("leases/shop.json", Buffer.from("3"), { ifMatch: next.etag });
    const early = await Promise.race([
      waiting.then(() => "done"),
      new Promise((resolve) => setTimeout(() => resolve("waiting"), 100)),
    ]);
    expect(early).toBe("waiting");
    await rm(lock);
    await waiting;
    expect((await collect((await store.get("leases/shop.json")).body)).toString()).toBe("3");
  });

  it("watches a lock of unknown owner for its time, by a clock that nobody can set, before it takes it over", async () => {
    let monotonic = 0;
    const clock = { now: () => new Date(0), monotonicMs: () => (monotonic += 5_000) };
    const store = openFolderStore(root, { clock });
    await store.put("key", Buffer.from("1"));
    const lock = lockOf(root, "key");
    await writeFile(lock, "torn");
    await store.put("key", Buffer.from("2"));
    expect(monotonic).toBeGreaterThan(30_000);
    expect(await listPartials(root)).toEqual([]);
  });

  it("holds as many removers of one dead lock apart as come", async () => {
    const stores = Array.from({ length: 6 }, () => openFolderStore(root, options));
    const [first] = stores;
    if (first === undefined) throw new Error("no store");
    const { self } = machineProcesses();
    for (let round = 0; round < 30; round += 1) {
      const key = `leases/race-${round}.json`;
      const { etag } = await first.put(key, Buffer.from("start"));
      const lock = lockOf(root, key);
      await writeFile(lock, JSON.stringify({ token: round.toString(16).padStart(32, "a"), process: { ...self, startTicks: "1" } }));
      const outcomes = await Promise.allSettled(
        stores.map((store, index) => store.put(key, Buffer.from(String(index)), { ifMatch: etag })),
      );
      expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    }
    expect(await listPartials(root)).toEqual([]);
  });

  it("lists ten thousand objects in a fraction of a second", async () => {
    const directory = join(root, "evidence/shop");
    await mkdir(directory, { recursive: true });
    execFileSync("/bin/sh", ["-c", "seq -f %06g 1 10000 | xargs touch", "sh"], { cwd: directory });
    const store = openFolderStore(root, options);
    const started = performance.now();
    const listed = await toList(store.list("evidence/"));
    const tookMs = performance.now() - started;
    expect(listed).toHaveLength(10_000);
    expect(listed.map(({ key }) => key)).toEqual(listed.map(({ key }) => key).toSorted());
    expect(tookMs).toBeLessThan(2_000); // Some 50 ms on an idle machine.
  });
});
