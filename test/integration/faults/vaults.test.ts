/**
 * Several vaults, vaults that are not there, sources that have left the policy: one that gives way
 * hides no other, and nothing is green by omission.
 */
import { randomBytes } from "node:crypto";
import { appendFile, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { partOf } from "../../support/files-project.ts";
import { createProject, type Project } from "../../support/holdfast.ts";
import { mountSmallDisk } from "../../support/tmpfs.ts";

let project: Project;

beforeEach(async () => {
  project = await createProject({ sources: "", majors: [] });
  for (const name of ["one", "two"]) {
    await mkdir(join(project.directory, name));
    await writeFile(join(project.directory, name, "file"), name);
  }
  await writePolicy(["one", "two"]);
});

afterEach(() => project[Symbol.asyncDispose]());

/**
 * Each source has a vault of its own name; both vaults and a third, which nobody uses, are always
 * there.
 */
async function writePolicy(sources: readonly string[]): Promise<void> {
  const lines = sources.map(
    (name) =>
      `  ${name}: { engine: files, path: ${name}, vault: ${name}, retention: { keepLast: 1, maxRemoval: 100%, minAge: none } }`,
  );
  const vaults = ["one", "two", "unused"].map((name) => `  ${name}: folder:vault-${name}`).join("\n");
  await writeFile(
    project.policyFile,
    `version: 1\nvaults:\n${vaults}\nkeys:\n  main: file:main.key\nsources:\n${lines.join("\n")}\n`,
  );
}

const backup = async (source: string): Promise<string> => {
  const { code, json, stderr } = await project.holdfast(["backup", source, "--no-prune"]);
  expect(code, stderr).toBe(0);
  return json.backupId;
};

test("a vault that is made is said on stderr and in the document; one that vanished is never taken for an empty one", async () => {
  const first = await project.holdfast(["backup", "one"]);
  expect(first.stderr).toMatch(/warning: folder:.*vault-one contains no vault yet, so a new one is created/);
  expect(first.json.createdVault).toContain("vault-one");
  // The volume is not mounted any more.
  await rename(join(project.directory, "vault-one"), join(project.directory, "unmounted"));
  await mkdir(join(project.directory, "vault-one"));
  for (const command of [
    ["verify", "--source", "one"],
    ["restore-test", "one"],
    ["show", "one@latest"],
    ["verify", "--all"],
  ]) {
    // The other vault of the policy was never written to: nothing can be verified anywhere.
    expect((await project.holdfast(command)).code, command.join(" ")).toBe(3);
  }
  expect(await readdir(join(project.directory, "vault-one"))).toEqual([]);
  expect((await project.holdfast(["backup", "one"])).stderr).toMatch(/a new one is created/);
});

test("verify --all goes on behind a damaged manifest, a vault that is not there and objects that are nobody's, exit code 4", async () => {
  const damaged = await backup("two");
  const sound = await backup("two");
  await backup("one");
  await rm(join(project.directory, "vault-one"), { recursive: true });
  await appendFile(join(project.directory, "vault-two", "manifests", "two", `${damaged}.json`), "}");
  for (const name of [
    "manifests/two/notes.txt",
    "manifests/two/20261399T000000Z-full-aaaaaa.json",
    "manifests/stray",
    "evidence/two/x",
  ]) {
    await writeFile(join(project.directory, "vault-two", name), "{");
  }
  const verified = await project.holdfast(["verify", "--all"]);
  expect(verified.code).toBe(4);
  expect(verified.json.verified).toMatchObject([
    { backupId: damaged, outcome: "damaged" },
    { backupId: sound, outcome: "verified" },
  ]);
  expect(verified.json.unread).toMatchObject([{ vault: "one", error: { class: "VaultNotFound" } }]);
  const listed = await project.holdfast(["list", "two"]);
  expect(listed.json.backups.map((each: { state: string }) => each.state)).toEqual(["damaged", "verified"]);
  // What the check found is still shown where the manifest says nothing any more.
  const shown = await project.holdfast(["show", damaged]);
  expect(shown.code).toBe(4);
  expect(shown.json.evidence.at(-1)).toMatchObject({ check: "damaged" });
});

test("verifying nothing is not success, exit code 3", async () => {
  await backup("one");
  // With evidence or artifacts left, the manifests would be lost, which is damage.
  for (const room of ["manifests", "evidence", "artifacts"])
    await rm(join(project.directory, "vault-one", room), { recursive: true });
  const verified = await project.holdfast(["verify", "--source", "one"]);
  expect(verified.code).toBe(3);
  expect(verified.json.error).toMatchObject({ class: "BackupNotFound" });
});

test("a source that has left the policy is still listed, shown, verified, tested, held, exported and restored", async () => {
  await backup("two");
  const id = await backup("one");
  await writePolicy(["two"]);
  expect((await project.holdfast(["list", "one"])).json.backups).toMatchObject([{ id, vault: "one" }]);
  for (const command of [
    ["show", "one@latest"],
    ["verify", "--source", "one"],
    ["verify", "one@latest"],
    ["restore-test", "one@latest"],
    ["hold", "add", "one@latest", "--reason", "kept"],
    ["export", id, "--to", join(project.directory, "media")],
    ["restore", "one@latest", "--to", join(project.directory, "back")],
  ]) {
    const ran = await project.holdfast(command);
    expect(ran.code, `${command.join(" ")}: ${ran.stdout}`).toBe(0);
  }
  expect((await project.holdfast(["hold", "list", "one"])).json.holds).toMatchObject([{ backupId: id }]);
  for (const command of [
    ["list", "nobody"],
    ["verify", "--source", "nobody"],
    ["show", "nobody@latest"],
  ]) {
    const ran = await project.holdfast(command);
    expect(ran.code).toBe(3);
    expect(ran.json.error).toMatchObject({ class: "SourceNotFound" });
  }
});

test("a list shows the vaults that can be read, and fails for the one that cannot", async () => {
  await backup("two");
  await backup("one");
  await writeFile(join(project.directory, "vault-one", "holdfast.json"), "{");
  const listed = await project.holdfast(["list"]);
  expect(listed.json.backups).toMatchObject([{ source: "two" }]);
  expect(listed.json.unread).toMatchObject([{ error: { class: "VaultInvalid" } }]);
  expect(listed.code).toBe(2);
});

test("a vault on a read-only disk is listed, verified and restored from; what cannot be written down says so", async () => {
  await using disk = await mountSmallDisk(16 * 1024 * 1024);
  const sources = `  one: { engine: files, path: ${join(project.directory, "one")}, retention: { keepLast: 1, minAge: none } }`;
  await writeFile(
    project.policyFile,
    `version: 1\nvaults:\n  main: folder:${join(disk.path, "vault")}\nkeys:\n  main: file:main.key\nsources:\n${sources}\n`,
  );
  const made = await project.holdfast(["backup", "one", "--no-verify"]);
  expect(made.code, made.stdout).toBe(0);
  const id: string = made.json.backupId;
  await disk.setWritable(false);
  try {
    for (const command of [
      ["list"],
      ["show", id],
      ["prune", "--dry-run"],
      ["hold", "list"],
      ["export", id, "--to", join(project.directory, "media")],
      ["restore", id, "--to", join(project.directory, "back")],
    ]) {
      const ran = await project.holdfast(command);
      // The only backup is not verified, so that a prune would be refused.
      expect(ran.code, `${command.join(" ")}: ${ran.stdout}`).toBe(command[0] === "prune" ? 5 : 0);
    }
    const verified = await project.holdfast(["verify", id]);
    expect(verified.json.verified[0]).toMatchObject({ outcome: "verified", unrecorded: { class: "StoreAccessDenied" } });
    expect(verified.code).toBe(1);
    const tested = await project.holdfast(["restore-test", "one"]);
    expect(tested.json.tests[0]).toMatchObject({ check: "proven", unrecorded: { class: "StoreAccessDenied" } });
    expect(tested.code).toBe(1);
    for (const command of [
      ["backup", "one"],
      ["prune", "one"],
      ["hold", "add", id, "--reason", "kept"],
    ]) {
      const ran = await project.holdfast(command);
      expect(ran.json.error).toMatchObject({ class: "StoreAccessDenied" });
      expect(ran.code).toBe(1);
    }
    await disk.setWritable(true);
    await appendFile(join(disk.path, "vault", "artifacts", "one", id, partOf(id)), "x");
    await disk.setWritable(false);
    const damaged = await project.holdfast(["verify", id]);
    expect(damaged.json.verified[0]).toMatchObject({ outcome: "damaged", unrecorded: { class: "StoreAccessDenied" } });
    expect(damaged.code).toBe(4);
  } finally {
    await disk.setWritable(true);
  }
});

test("an export onto a full disk leaves nothing of the backup there, exit code 1", async () => {
  await writeFile(join(project.directory, "one", "large"), randomBytes(6_000_000));
  const id = await backup("one");
  await using disk = await mountSmallDisk(4 * 1024 * 1024);
  const exported = await project.holdfast(["export", id, "--to", join(disk.path, "media")]);
  expect(exported.json.error).toMatchObject({ class: "DiskFull" });
  expect(exported.code).toBe(1);
  expect((await readdir(join(disk.path, "media"))).sort()).toEqual([".partial", "RESTORE.md", "holdfast.json"]);
  expect(await readdir(join(disk.path, "media", ".partial"))).toEqual([]);
});
