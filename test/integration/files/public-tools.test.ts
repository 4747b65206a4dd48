import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dumpToMemory, indexOf, type MemoryBackup, makeSource } from "../../engines/files/memory-backup.ts";
import { describeTree, differencesOf, makeZoo, removeTree, type TreeFacts } from "../../engines/files/tree-zoo.ts";
import { runOk } from "../../support/processes.ts";

let base: string;
let archive: string;
let backup: MemoryBackup;
let original: Map<string, TreeFacts>;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "hf-files-"));
  const tree = join(base, "tree");
  archive = join(base, "files.tar");
  mkdirSync(tree);
  await makeZoo(tree);
  original = describeTree(tree);
  backup = await dumpToMemory(makeSource(tree));
  writeFileSync(archive, backup.artifacts.get("files.tar") ?? "");
});
afterAll(() => removeTree(base));

async function extracted(name: string, extract: (target: string) => Promise<unknown>): Promise<Map<string, TreeFacts>> {
  const target = join(base, name);
  mkdirSync(target);
  await extract(target);
  return describeTree(target);
}

describe("files.tar is opened by public tools", () => {
  it.each(["C", "C.UTF-8"])("GNU tar restores every entry exactly, times to the nanosecond, in the locale %s", async (locale) => {
    const found = await extracted(`gnu-${locale}`, (target) =>
      runOk("tar", ["--extract", `--file=${archive}`, `--directory=${target}`, "--preserve-permissions", "--numeric-owner"], {
        env: { ...process.env, LC_ALL: locale },
      }),
    );
    expect(differencesOf(original, found, 0n)).toEqual([]);
  });

  it("GNU tar finds nothing to complain of", async () => {
    const listing = await runOk("tar", ["--list", "--verbose", "--quoting-style=escape", `--file=${archive}`]);
    const entries = indexOf(backup).filter(({ type }) => type !== "skipped");
    expect(listing.trimEnd().split("\n")).toHaveLength(entries.length);
  });

  it("Python's tarfile restores names, contents, modes and links", async () => {
    const script = `
import os, sys, tarfile
with tarfile.open(sys.argv[1]) as archive:
    options = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}
    archive.extractall(sys.argv[2], numeric_owner=True, **options)
`;
    const found = await extracted("python", (target) =>
      runOk("python3", ["-c", script, archive, target], { env: { ...process.env, PYTHONUTF8: "1" } }),
    );
    // It leaves the times of symbolic links alone.
    const links = (facts: Map<string, TreeFacts>) =>
      new Map([...facts].map(([name, fact]) => [name, fact.type === "symlink" ? { ...fact, mtimeNs: 0n } : fact]));
    expect(differencesOf(links(original), links(found), 1_000n)).toEqual([]);
  });
});
