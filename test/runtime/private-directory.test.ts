import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makePrivateDirectory } from "../../src/runtime/private-directory.ts";

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "hf-test-"));
});
afterEach(() => rm(parent, { recursive: true, force: true }));

describe("makePrivateDirectory", () => {
  it("is its owner's alone and removes itself, twice", async () => {
    const directory = await makePrivateDirectory(parent, "hf-");
    expect((await stat(directory.path)).mode & 0o777).toBe(0o700);
    await mkdir(join(directory.path, "a/b"), { recursive: true });
    await writeFile(join(directory.path, "a/b/c"), "x");
    await chmod(join(directory.path, "a/b"), 0);
    expect(await directory.remove()).toBe(true);
    expect(await directory.remove()).toBe(true);
    await expect(stat(directory.path)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("leaves room for a socket's name", async () => {
    const deep = join(parent, "d".repeat(90));
    await mkdir(deep);
    const directory = await makePrivateDirectory(deep, "hf-", { sockets: true });
    expect(Buffer.byteLength(join(directory.path, ".s.PGSQL.65535.lock"))).toBeLessThanOrEqual(107);
    await directory.remove();
  });

  it("names a parent that is missing", async () => {
    await expect(makePrivateDirectory(join(parent, "none"), "hf-")).rejects.toMatchObject({
      name: "UsageInvalid",
      message: expect.stringContaining("none"),
    });
  });
});
