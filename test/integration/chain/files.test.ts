/** The main job on a directory tree, with everything in it that archives trip over. */
import { spawnSync } from "node:child_process";
import { chmod, link, lstat, mkdir, readdir, readFile, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createProject } from "../../support/holdfast.ts";
import { runOk } from "../../support/processes.ts";

async function makeTree(root: string): Promise<void> {
  await mkdir(join(root, "etc", "empty directory"), { recursive: true });
  await writeFile(join(root, "etc", "app.conf"), "port = 80\n");
  await chmod(join(root, "etc", "app.conf"), 0o640);
  await writeFile(join(root, "etc", "empty"), "");
  await writeFile(join(root, "etc", "quotes ' \" \n newline 🦓"), "hurts");
  await writeFile(Buffer.concat([Buffer.from(`${root}/etc/`), Buffer.from([0xff, 0xfe, 0x41])]), "not UTF-8");
  await writeFile(join(root, "etc", "n".repeat(250)), "long name");
  await symlink("app.conf", join(root, "etc", "link"));
  await symlink("/nowhere/outside", join(root, "etc", "dangling"));
  await link(join(root, "etc", "app.conf"), join(root, "etc", "second name"));
  await writeFile(join(root, "etc", "setuid"), "#!/bin/sh\n");
  await chmod(join(root, "etc", "setuid"), 0o4755);
  await utimes(join(root, "etc", "setuid"), 1_000_000_000, 1_000_000_000.5);
  await runOk("truncate", ["-s", "20M", join(root, "sparse")]);
  await writeFile(join(root, "large"), Buffer.alloc(5_000_000, "holdfast "));
  spawnSync("mkfifo", [join(root, "fifo")]);
  await mkdir(join(root, "cache"));
  await writeFile(join(root, "cache", "left out"), "x");
}

test("a tree is backed up, verified, proven, and restored equal to the source", { timeout: 300_000 }, async () => {
  await using project = await createProject({ sources: "", majors: [] });
  const root = join(project.directory, "tree");
  await mkdir(root);
  await makeTree(root);
  await project.writePolicy(
    `  config:\n    engine: files\n    path: ${root}\n    exclude: ["cache/**"]\n    retention: { daily: 7 }\n`,
  );
  const backup = await project.holdfast(["backup", "config"]);
  expect(backup.code, backup.stderr).toBe(0);
  expect(JSON.stringify(backup.json.notices)).toContain("fifo");
  const proof = await project.holdfast(["restore-test", "config"]);
  expect(proof.json.tests[0]).toMatchObject({ check: "proven", findings: [] });

  const target = join(project.directory, "restored");
  const restored = await project.holdfast(["restore", "config@latest", "--to", target]);
  expect(restored.code, restored.stderr).toBe(0);
  const differences = spawnSync("diff", ["-r", "--no-dereference", "--exclude=cache", "--exclude=fifo", root, target], {
    encoding: "utf8",
  });
  expect(differences.stdout).toBe("");
  expect((await lstat(join(target, "etc", "setuid"))).mode & 0o7777).toBe(0o4755);
  expect((await lstat(join(target, "etc", "setuid"))).mtimeMs).toBe(1_000_000_000_500);
  expect((await lstat(join(target, "etc", "app.conf"))).ino).toBe((await lstat(join(target, "etc", "second name"))).ino);
  expect(await readdir(join(target, "etc", "empty directory"))).toEqual([]);

  // A second restore to the same place is refused, and loses nothing; with --overwrite what was
  // there stays under another name.
  await writeFile(join(target, "mine"), "precious");
  expect((await project.holdfast(["restore", "config@latest", "--to", target])).code).toBe(5);
  expect(await readFile(join(target, "mine"), "utf8")).toBe("precious");
  expect((await project.holdfast(["restore", "config@latest", "--to", target, "--overwrite"])).code).toBe(0);
  const kept = (await readdir(project.directory)).find((name) => name.startsWith("restored.before-"));
  expect(await readFile(join(project.directory, kept ?? "", "mine"), "utf8")).toBe("precious");
});
