/** `find` and `diff` on trees: which backups hold a path, and what changed between two. */
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { diffBackups } from "../../src/pipeline/diff-backups.ts";
import { findObject } from "../../src/pipeline/find-object.ts";
import { filesPolicy } from "../../src/policy/engines/files/policy.ts";
import { createFilesProject, type FilesProject, partOf } from "../support/files-project.ts";

let project: FilesProject;
let ids: string[];

beforeAll(async () => {
  project = await createFilesProject();
  const tree = (name: string) => join(project.directory, "tree", name);
  await mkdir(tree("etc"));
  await writeFile(tree("etc/app.conf"), "one");
  await writeFile(tree("etc.conf"), "beside");
  ids = [await project.back({ minutesAgo: 30 })];
  await writeFile(tree("etc/app.conf"), "two!");
  await chmod(tree("file"), 0o600);
  ids.push(await project.back({ minutesAgo: 20, verify: false }));
  await rm(tree("etc"), { recursive: true });
  await writeFile(tree("new"), "new");
  ids.push(await project.back({ minutesAgo: 10 }));
});
afterAll(() => project[Symbol.asyncDispose]());

const findPath = async (path: string, last = Number.POSITIVE_INFINITY) =>
  findObject(await project.open(), { source: "tree", matches: filesPolicy.find?.compile(path) as never, last });

describe("finding a path", () => {
  test("tells of each backup what it holds, also of one that was never read back", async () => {
    const seen = await findPath("etc/app.conf");
    expect(seen.map(({ id, held }) => [id, held?.bytes])).toEqual([
      [ids[0], 3],
      [ids[1], 4],
      [ids[2], undefined],
    ]);
    expect(seen[0]?.held?.sha256).not.toBe(seen[1]?.held?.sha256);
  });

  test("takes a directory with all it holds, and nothing that only begins like it", async () => {
    const seen = await findPath("./etc/");
    expect(seen.map(({ held }) => held && [held.objects, held.rows, held.bytes])).toEqual([[2, 1, 3], [2, 1, 4], undefined]);
    expect((await findPath(".")).map(({ held }) => held?.rows)).toEqual([3, 3, 3]);
  });

  test("looks at the newest alone when that is asked for", async () => {
    expect((await findPath("file", 1)).map(({ id }) => id)).toEqual([ids[2]]);
  });

  test("a backup whose index was damaged does not keep the others from being looked through", async () => {
    const index = join(project.vault, "artifacts", "tree", ids[1] as string, "index.jsonl");
    const whole = await readFile(index);
    await writeFile(index, whole.subarray(0, -9));
    const seen = await findPath("etc/app.conf");
    await writeFile(index, whole);
    expect(seen.map(({ held, unknown }) => [held?.bytes, unknown !== undefined])).toEqual([
      [3, false],
      [undefined, true],
      [undefined, false],
    ]);
    expect(seen[1]?.unknown).toMatchObject({ exitCode: 4 });
  });

  test("reads no content: the archive's parts may be gone", async () => {
    const part = join(project.vault, "artifacts", "tree", ids[0] as string, partOf(ids[0] as string));
    const whole = await readFile(part);
    await rm(part);
    expect((await findPath("file"))[0]?.held?.bytes).toBe("content".length);
    await writeFile(part, whole);
  });
});

describe("the difference of two backups", () => {
  test("names what came, went and changed, and counts what is the same", async () => {
    const { changes, counts } = await diffBackups(await project.open(), [ids[0] as string, ids[2] as string], 100);
    expect(changes.map(({ object, before, after }) => [object, before?.bytes, after?.bytes])).toEqual([
      ["directory etc", 0, undefined],
      ["file etc/app.conf", 3, undefined],
      ["file file", 7, 7],
      ["file new", undefined, 3],
    ]);
    expect(changes[2]?.after?.attributes).toContain("mode 0600");
    expect(counts).toEqual({ changed: 1, added: 1, gone: 2, same: 2 });
  });

  test("counts all and lists as many as were asked for", async () => {
    const { changes, counts } = await diffBackups(await project.open(), [ids[0] as string, ids[2] as string], 1);
    expect(changes).toHaveLength(1);
    expect(counts.gone).toBe(2);
  });

  test("of a backup with itself is nothing", async () => {
    const { counts } = await diffBackups(await project.open(), ["tree@latest", ids[2] as string], 100);
    expect(counts).toEqual({ changed: 0, added: 0, gone: 0, same: 4 });
  });
});
