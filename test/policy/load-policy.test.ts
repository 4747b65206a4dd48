import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadPolicy } from "../../src/policy/load-policy.ts";
import { smallest, withTop } from "./policy-texts.ts";

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "holdfast-policy-"));
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe("loading a policy", () => {
  it("resolves paths at the file's directory and ~ at the home directory that it is told", async () => {
    const path = join(directory, "holdfast.yml");
    const text = withTop("vaults: { main: folder:vault, off-site: folder:~/vault }");
    await writeFile(path, text);
    const policy = await loadPolicy(path, { home: "/home/ops" });
    expect(policy.vaults["main"]).toMatchObject({ path: join(directory, "vault") });
    expect(policy.vaults["off-site"]).toMatchObject({ path: "/home/ops/vault" });
  });

  it("hashes the file's very bytes", async () => {
    const path = join(directory, "bytes.yml");
    const bytes = Buffer.from(`\uFEFF${smallest}# größe\r\n`);
    await writeFile(path, bytes);
    expect((await loadPolicy(path)).sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  it("refuses ~ where there is no home directory", async () => {
    const path = join(directory, "home.yml");
    await writeFile(path, withTop("vaults: { main: folder:~/vault }"));
    await expect(loadPolicy(path, { displayName: "home.yml" })).rejects.toMatchObject({
      name: "PolicyInvalid",
      details: ["home.yml:9:17: vaults.main: ~ means nothing here, because there is no home directory; write the path in full"],
    });
  });

  it("says where it looked", async () => {
    const path = join(directory, "missing.yml");
    await expect(loadPolicy(path)).rejects.toMatchObject({
      name: "PolicyNotFound",
      exitCode: 2,
      message: `there is no policy at ${path}`,
    });
  });

  it("says that it was given a directory", async () => {
    const path = join(directory, "folder.yml");
    await mkdir(path);
    await expect(loadPolicy(path)).rejects.toMatchObject({ name: "PolicyNotFound", message: `${path} is a directory` });
  });

  it("says why it cannot be read", async () => {
    const path = join(directory, "loop.yml");
    await symlink(path, path);
    await expect(loadPolicy(path)).rejects.toMatchObject({
      name: "PolicyNotFound",
      message: `the policy ${path} cannot be read: ELOOP`,
      hint: "Make the file readable for this user.",
    });
  });

  it("refuses what is no UTF-8", async () => {
    const path = join(directory, "latin.yml");
    await writeFile(path, Buffer.from([0x61, 0x3a, 0x20, 0xe9, 0x0a]));
    await expect(loadPolicy(path, { displayName: "latin.yml" })).rejects.toMatchObject({
      name: "PolicyInvalid",
      details: ["latin.yml:1:1: the file is not UTF-8 text; save it as UTF-8"],
    });
  });
});
