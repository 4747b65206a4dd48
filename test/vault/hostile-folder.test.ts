import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isHoldfastError } from "../../src/errors/holdfast-error.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { readSmall } from "../../src/vault/documents/read-small.ts";
import { openFolderStore } from "../../src/vault/folder/store.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { machineProcesses } from "../../src/vault/process-identity.ts";
import { makeOutside, type Outside, oddKinds, plant } from "../support/hostile-folder.ts";
import { waitFor } from "../support/processes.ts";
import { toList } from "../support/streams.ts";

let root: string;
let outside: Outside;
let store: ObjectStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "holdfast-folder-"));
  outside = await makeOutside();
  store = openFolderStore(root, { clock: systemClock });
});
afterEach(async () => {
  // Node's own removal does not get to the end of directories without end.
  execFileSync("rm", ["-rf", root]);
  await outside[Symbol.asyncDispose]();
});

const future = new Date("2100-01-01T00:00:00Z");

describe("a folder vault whose own directory is a link", () => {
  it.each(["keys", "."])("removes nothing of what it leads to, and writes nothing there (%s)", async (where) => {
    const before = await outside.fingerprint();
    await symlink(join(outside.directory, where), join(root, ".partial"));
    const says = { name: "VaultInvalid", message: expect.stringContaining(".partial is a symbolic link") };
    await expect(store.abortStaleUploads(future)).rejects.toMatchObject(says);
    await expect(store.put("key", Buffer.from("x"))).rejects.toMatchObject(says);
    await mkdir(join(root, "manifests"));
    await writeFile(join(root, "manifests/a"), "x");
    await expect(store.delete("manifests/a")).rejects.toMatchObject(says);
    expect(await outside.fingerprint()).toBe(before);
  });
});

describe("what stands where a file must be", () => {
  const odd = ["link to a file", "link to a device", "link to nowhere", "pipe", "socket"] as const;

  it.each(odd)("is named and neither followed nor waited for: a %s", async (kind) => {
    const before = await outside.fingerprint();
    await store.put("leases/good.json", Buffer.from("x"));
    const path = join(root, "leases/shop.json");
    await plant(kind, path, outside.directory);
    const says = { name: "VaultInvalid", message: expect.stringContaining(path) };
    await expect(store.get("leases/shop.json")).rejects.toMatchObject(says);
    await expect(store.head("leases/shop.json")).rejects.toMatchObject(says);
    await expect(store.put("leases/shop.json", Buffer.from("x"))).rejects.toMatchObject(says);
    await expect(store.put("leases/shop.json", Buffer.from("x"), { ifAbsent: true })).rejects.toMatchObject(says);
    await expect(store.delete("leases/shop.json")).rejects.toMatchObject(says);
    await expect(toList(store.list("leases/"))).rejects.toMatchObject(says);
    const listed = await toList(store.list("leases/", { includeOdd: true }));
    expect(listed.map(({ key, odd: what }) => [key, what !== undefined])).toEqual([
      ["leases/good.json", false],
      ["leases/shop.json", true],
    ]);
    expect(await outside.fingerprint()).toBe(before);
    expect(await readdir(join(root, ".partial"))).toEqual([]);
  });

  it("is named where a lock must be", async () => {
    await store.put("key", Buffer.from("1"));
    const [lock] = await lockNames("key");
    for (const kind of ["pipe", "link to a file", "directory"] as const) {
      await plant(kind, join(root, ".partial", lock ?? ""), outside.directory);
      await expect(store.put("key", Buffer.from("2"))).rejects.toMatchObject({
        name: "VaultInvalid",
        message: expect.stringContaining(".partial/"),
      });
    }
  });

  it("is a document's directory: named, never taken for no document", async () => {
    await mkdir(join(root, "holds/shop/x.json"), { recursive: true });
    for (const read of [() => store.head("holds/shop/x.json"), () => store.get("holds/shop/x.json")])
      await expect(read()).rejects.toMatchObject({ name: "VaultInvalid", message: expect.stringContaining("is a directory") });
    expect(await toList(store.list("holds/", { includeOdd: true }))).toMatchObject([
      { key: "holds/shop/x.json", odd: "a directory" },
    ]);
  });

  it("is a document of a terabyte: refused by its size, before it is read", async () => {
    await plant("huge file", join(root, "holdfast.json"), outside.directory);
    await expect(readSmall(store, "holdfast.json")).rejects.toMatchObject({
      name: "VaultInvalid",
      message: expect.stringContaining("is larger than"),
    });
  });

  it("is directories without end: neither the stack nor the listing is lost in them", async () => {
    await store.put("manifests/a", Buffer.from("x"));
    process.chdir(root);
    try {
      for (let level = 0; level < 3000; level += 1) {
        await mkdir("deeper");
        process.chdir("deeper");
      }
    } finally {
      process.chdir(tmpdir());
    }
    expect((await toList(store.list(""))).map(({ key }) => key)).toEqual(["manifests/a"]);
  });
});

async function lockNames(key: string): Promise<string[]> {
  const seen = new Set<string>();
  let done = false;
  const watching = (async () => {
    while (!done) {
      for (const name of await readdir(join(root, ".partial"))) if (/^[0-9a-f]{32}\.lock$/.test(name)) seen.add(name);
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  while (seen.size === 0) await store.put(key, Buffer.from("x"));
  done = true;
  await watching;
  return [...seen];
}

describe("a directory that is swapped for a link while the store works", () => {
  it.each(["overwriting", "deletion"] as const)("leads no %s out of the vault", async (work) => {
    const key = "manifests/tree/secret";
    await store.put(key, Buffer.from("inside"));
    const before = await outside.fingerprint();
    // Whoever holds the lock of the key says when the work goes on: after it has looked at the way,
    // before it acts.
    const [name = ""] = await lockNames(key);
    const lock = join(root, ".partial", name);
    await writeFile(lock, JSON.stringify({ token: "0".repeat(32), process: machineProcesses().self ?? null }));
    const working = work === "deletion" ? store.delete(key) : store.put(key, Buffer.from("overwritten"));
    await waitFor("the work to wait for the lock", async () => (await readdir(join(root, ".partial"))).length > 1);
    await rename(join(root, "manifests/tree"), join(root, "away"));
    await symlink(outside.directory, join(root, "manifests/tree"));
    await rm(lock);
    // On a busy machine the swap may come before the look at the way: then the link is refused.
    const refused = await working.then(
      () => false,
      (error: unknown) => isHoldfastError(error, "VaultInvalid") || Promise.reject(error),
    );
    expect(await outside.fingerprint()).toBe(before);
    expect(await readdir(join(root, "away"))).toEqual(work === "deletion" && !refused ? [] : ["secret"]);
  });
});

describe("any folder", () => {
  it("ends every operation with an answer or an error of the catalogue, and touches nothing outside", async () => {
    const key = fc.constantFrom(
      ...["holdfast.json", ".partial", "manifests", "manifests/shop", "leases/shop.json", "artifacts/shop/x/data", "holds"],
      ...["manifests/shop/a.json", "evidence/shop/a/b.json", "RESTORE.md", ".partial/x.partial", "leases/reading"],
    );
    const planted = fc.array(fc.record({ key, kind: fc.constantFrom(...oddKinds) }), { minLength: 1, maxLength: 6 });
    let round = 0;
    await fc.assert(
      fc.asyncProperty(planted, async (things) => {
        round += 1;
        const folder = join(root, String(round));
        for (const each of things) await plant(each.kind, join(folder, each.key), outside.directory).catch(() => undefined);
        const before = await outside.fingerprint();
        const hostile = openFolderStore(folder, { clock: systemClock });
        const keys = [
          "holdfast.json",
          "RESTORE.md",
          "leases/shop.json",
          "manifests/shop/a.json",
          "evidence/shop/a/b.json",
          "artifacts/shop/x/data",
        ];
        const work = [
          ...["", "manifests/", "manifests/shop/", "evidence/shop/"].flatMap((prefix) => [
            () => toList(hostile.list(prefix)),
            () => toList(hostile.list(prefix, { includeOdd: true })),
          ]),
          ...keys.flatMap((each) => [
            () => readSmall(hostile, each, 65_536),
            () => hostile.head(each),
            () => hostile.put(each, Buffer.from("x"), { ifAbsent: true }),
            () => hostile.put(each, Buffer.from("y")),
            () => hostile.delete(each),
          ]),
          () => hostile.abortStaleUploads(future),
        ];
        for (const each of work) {
          try {
            await each();
          } catch (error) {
            if (!isHoldfastError(error)) throw error;
            expect(error.name).not.toBe("Internal");
          }
        }
        expect(await outside.fingerprint()).toBe(before);
        await rm(folder, { recursive: true, force: true });
      }),
      { numRuns: 25 },
    );
  });
});
