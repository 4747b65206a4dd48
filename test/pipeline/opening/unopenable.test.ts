/** After a key was replaced: what can no longer be opened is said before it is needed. */
import { readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkPolicy } from "../../../src/pipeline/check.ts";
import { describeUnopenable, findNewestUnopenable } from "../../../src/pipeline/opening/unopenable.ts";
import { createKeyFile } from "../../../src/sealing/key-file.ts";
import { createFilesProject, type FilesProject, treePolicy } from "../../support/files-project.ts";

let project: FilesProject;
const oldKey = "file:0000000000000000";

beforeEach(async () => {
  project = await createFilesProject();
  await project.back({ minutesAgo: 10, verify: false });
});

afterEach(() => project[Symbol.asyncDispose]());

async function replaceKey(): Promise<string> {
  await rename(join(project.directory, "main.key"), join(project.directory, "old.key"));
  const { keyId } = await createKeyFile(join(project.directory, "main.key"), {
    randomBytes: (count) => Buffer.alloc(count, 9),
    now: new Date(0),
  });
  return keyId;
}

async function find(limit = 10): Promise<readonly string[]> {
  return (await findNewestUnopenable(await project.open(), "tree", limit)).map((each) =>
    describeUnopenable(each).replace(/file:[0-9a-f]{16}/, oldKey),
  );
}

test("nothing is said while the policy has every key", async () => {
  expect(await find()).toEqual([]);
});

test("a key file that was replaced leaves older backups closed: their number, the newest and the key are named", async () => {
  const second = await project.back({ minutesAgo: 5, verify: false });
  await replaceKey();
  const message = `2 backups up to ${second} were sealed with key ${oldKey}, which is not among the policy's keys: nobody can open them without it`;
  expect(await find()).toEqual([message]);
  expect(await find(1)).toEqual([expect.stringContaining(`backup ${second} was sealed with key ${oldKey}, which is not`)]);
  const context = await project.open();
  const findings = await checkPolicy(context, Object.values(context.policy.sources));
  expect(findings.filter(({ subject }) => subject === "older backups")).toEqual([
    expect.objectContaining({ level: "error", about: "source tree", remedy: expect.stringMatching(/^Put the key file back/) }),
  ]);
});

test("the old key named after the new one opens them; one that is named and not there does not", async () => {
  await replaceKey();
  await project.writePolicy(treePolicy.replace("file:main.key", "[file:main.key, file:old.key]"));
  expect(await find()).toEqual([]);
  await project.writePolicy(treePolicy.replace("file:main.key", "[file:main.key, file:lost.key]"));
  expect(await find()).toEqual([expect.stringContaining("lost.key")]);
});

test("check makes no folder for a vault that is mistyped", async () => {
  await project.writePolicy(treePolicy.replace("folder:vault", "folder:vualt"));
  const context = await project.open();
  const findings = await checkPolicy(context, Object.values(context.policy.sources));
  expect(findings.filter(({ about }) => about === "vault main")).toEqual([
    expect.objectContaining({
      level: "warning",
      message: expect.stringMatching(/vualt does not exist yet$/),
    }),
  ]);
  expect(await readdir(project.directory)).not.toContain("vualt");
});
