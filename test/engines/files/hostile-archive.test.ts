import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestBackup } from "../../../src/engines/files/digest.ts";
import { engine as filesEngine } from "../../../src/engines/files/engine.ts";
import { type Entry, type EntryType, formatIndexLine } from "../../../src/engines/files/entry.ts";
import type { EntryPath } from "../../../src/engines/files/entry-path.ts";
import { archiveEnd, encodeHeader, paddingOf } from "../../../src/engines/files/tar-header.ts";
import { craftedFacts, type MemoryBackup, makeContext, readerOf, usePlace } from "./memory-backup.ts";
import { removeTree } from "./tree-zoo.ts";

let base: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "hf-files-"));
  mkdirSync(join(base, "outside"));
  writeFileSync(join(base, "outside/precious"), "precious");
});
afterEach(() => removeTree(base));

const content = Buffer.from("planted");
const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };

interface Crafted {
  readonly entry: Entry;
  readonly content?: Buffer;
}

function craft(path: string, type: EntryType, extra: Partial<Entry> = {}): Crafted {
  const common = {
    path: path as EntryPath,
    type,
    mode: type === "directory" ? 0o755 : 0o644,
    ...owner,
    mtimeNs: 1_000_000_000n,
  };
  if (type !== "file") return { entry: { ...common, size: 0, ...extra } };
  const sha256 = createHash("sha256").update(content).digest("hex");
  return { entry: { ...common, size: content.length, sha256, ...extra }, content };
}

const root = craft("", "directory");
const directory = (path: string) => craft(path, "directory");
const file = (path: string, extra: Partial<Entry> = {}) => craft(path, "file", extra);
const symlink = (path: string, target: string) => craft(path, "symlink", { linkTarget: target as EntryPath });
const hardLink = (path: string, target: string) => craft(path, "hardlink", { hardLinkOf: target as EntryPath });

function pack(entries: readonly Crafted[]): Buffer {
  const parts = entries.flatMap(({ entry, content: bytes = Buffer.alloc(0) }) => [
    encodeHeader(entry),
    bytes,
    Buffer.alloc(paddingOf(bytes.length)),
  ]);
  return Buffer.concat([...parts, archiveEnd]);
}

function backupOf(entries: readonly Crafted[]): MemoryBackup {
  const index = Buffer.from(entries.map(({ entry }) => formatIndexLine(entry)).join(""));
  const artifacts = new Map([
    ["files.tar", pack(entries)],
    ["index.jsonl", index],
  ]);
  return { artifacts, facts: craftedFacts, notices: [], sourceCheck: { mode: "none", objects: {} } };
}

/**
 * Loads into a target; gives the findings, and asserts that nothing outside was touched and nothing
 * was left.
 */
async function load(backup: MemoryBackup) {
  const reader = readerOf(backup);
  const temporaryDirectory = join(base, "temporary");
  mkdirSync(temporaryDirectory, { recursive: true });
  const context = makeContext({ temporaryDirectory });
  const request = { target: join(base, "target"), overwrite: false };
  const place = await filesEngine.openTarget([reader], undefined, request, context);
  const { findings } = await usePlace(place, () => place.load());
  expect(readdirSync(base).sort()).toEqual(["outside", "temporary"]);
  expect(readdirSync(temporaryDirectory)).toEqual([]);
  expect(readdirSync(join(base, "outside"))).toEqual(["precious"]);
  expect(readFileSync(join(base, "outside/precious"), "utf8")).toBe("precious");
  return findings;
}

it("takes a crafted archive that does no harm", async () => {
  const backup = backupOf([
    root,
    directory("a"),
    symlink("a/escape", "../../../outside"),
    file("a/file", { links: 2 }),
    hardLink("a/link", "a/file"),
  ]);
  expect(await digestBackup(readerOf(backup), makeContext())).toMatchObject({ objectCount: 5, rows: 2, bytes: 7 });
  expect(await load(backup)).toEqual([]);
});

describe("an archive that would write outside of its target is refused and writes nothing there", () => {
  it.each([
    ["an absolute name", () => [root, file(`${base}/outside/planted`)], "has an absolute name"],
    ["an absolute link", () => [root, symlink(`${base}/outside/planted`, "x")], "has an absolute name"],
    ["a name that leads up", () => [root, file("../outside/planted")], "leads out of the tree"],
    ["a name that leads up from below", () => [root, directory("a"), file("a/../../outside/planted")], "leads out of the tree"],
    ["a directory that leads up", () => [root, directory("..")], "leads out of the tree"],
    ["a file beneath a symbolic link", () => [root, symlink("a", "../outside"), file("a/planted")], "is in no directory"],
    [
      "a directory in place of a link",
      () => [root, symlink("a", "../outside"), directory("a"), file("a/planted")],
      "is out of order",
    ],
    ["a file written through a link", () => [root, symlink("a", "../outside/precious"), file("a")], "is out of order"],
    ["a hard link to the outside", () => [root, hardLink("a", "../outside/precious")], "is a hard link to"],
    ["a hard link to an absolute name", () => [root, hardLink("a", "/etc/passwd")], "is a hard link to /etc/passwd"],
    ["a hard link through a link", () => [root, symlink("a", "../outside"), hardLink("b", "a/precious")], "is a hard link to"],
    ["a hard link to a link", () => [root, symlink("a", "../outside/precious"), hardLink("b", "a")], "is a hard link to"],
    ["a hard link forwards", () => [root, hardLink("a", "b"), file("b", { links: 2 })], "is a hard link to b"],
    ["an empty name", () => [root, directory("a"), file("a//b")], "has an empty name"],
    ["a dot", () => [root, file("./b")], "has an empty name"],
    ["a NUL", () => [root, file(`a\0${"x".repeat(120)}`)], "has a NUL"],
    ["a file beneath a file", () => [root, file("a"), file("a/b")], "is in no directory"],
    ["a name twice", () => [root, file("a"), file("a")], "is out of order"],
    ["a return to a directory that ended", () => [root, directory("a"), file("b"), file("a/c")], "is out of order"],
    ["no root", () => [file("a")], "where the tree's root should"],
    ["a root that is a link", () => [symlink("", "outside")], "disagree"],
    ["nothing at all", () => [], "the archive is empty"],
  ])("%s", async (_, entries, words) => {
    const backup = backupOf(entries());
    await expect(digestBackup(readerOf(backup), makeContext())).rejects.toMatchObject({
      name: "ContentInvalid",
      message: expect.stringContaining(words),
    });
    expect(await load(backup)).toEqual([{ class: "damage", subject: "archive", message: expect.stringContaining(words) }]);
  });

  it.each([
    ["a device", "3"],
    ["a block device", "4"],
    ["a named pipe", "6"],
    ["a global header", "g"],
    ["GNU's long name", "L"],
    ["GNU's sparse file", "S"],
  ])("%s", async (_, flag) => {
    const header = encodeHeader(file("a").entry);
    header.write(flag, 156, "latin1");
    fixChecksum(header);
    const backup = backupOf([root, file("a")]);
    const tar = Buffer.concat([encodeHeader(root.entry), header, Buffer.alloc(512), archiveEnd]);
    await expect(digestBackup(readerOf(backup, { "files.tar": tar }), makeContext())).rejects.toMatchObject({
      name: "ContentInvalid",
      message: expect.stringContaining(`the header of a has the type "${flag}"`),
    });
  });
});

function fixChecksum(header: Buffer): void {
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
}

describe("an archive and an index that disagree are named", () => {
  const entries = [root, directory("a"), file("a/one"), file("a/two"), symlink("b", "a")];
  const whole = backupOf(entries);
  const tarWith = (change: (entries: Crafted[]) => Crafted[]) => pack(change([...entries]));
  const replaceOne = (extra: Partial<Entry>) =>
    tarWith(([r, a, one, ...rest]) => [r, a, { ...one, entry: { ...one?.entry, ...extra } }, ...rest] as Crafted[]);
  const flip = (tar: Buffer, needle: string) => {
    const copy = Buffer.from(tar);
    copy.write("P", copy.indexOf(needle));
    return copy;
  };
  const flipAfter = (whole: Buffer, needle: string) => {
    const copy = Buffer.from(whole);
    copy.write("P", copy.indexOf(needle) + needle.length + 9);
    return copy;
  };
  const tar = pack(entries);

  it.each([
    ["another mode", replaceOne({ mode: 0o4755 }), "a/one differs in mode"],
    ["another owner", replaceOne({ uid: 5, gid: 6 }), "a/one differs in uid, gid"],
    ["another owner's name", replaceOne({ user: "mallory" }), "a/one differs in user"],
    ["another time", replaceOne({ mtimeNs: 1n }), "a/one differs in mtime"],
    ["another content", flip(tar, "planted"), "the content of a/one is not what its checksum"],
    ["another target", tarWith((all) => [...all.slice(0, 4), symlink("b", "c")]), "b differs in linkTarget"],
    ["another type", tarWith((all) => [...all.slice(0, 4), directory("b")]), "b differs in type, mode, linkTarget"],
    ["an entry less", tarWith((all) => all.slice(0, 4)), "b is in the index and not in the archive"],
    ["an entry more", tarWith((all) => [...all, file("c")]), "c is in the archive and not in the index"],
    ["another name", tarWith((all) => [...all.slice(0, 4), symlink("c", "a")]), "where the index has b the archive has c"],
    ["a header with a flipped bit", flip(tar, "a/two"), "does not match its checksum"],
    ["a cut in the content", tar.subarray(0, tar.indexOf("planted") + 3), "ends in the middle"],
    ["a cut between entries", tar.subarray(0, tar.length - 1024), "ends in the middle"],
    ["half an end", tar.subarray(0, tar.length - 512), "ends in the middle"],
    ["something after its end", Buffer.concat([tar, Buffer.from("x")]), "goes on after its end"],
    ["something in the padding", flipAfter(tar, "planted"), "the padding of an entry is not empty"],
    ["nothing", Buffer.alloc(0), "ends in the middle"],
  ])("%s", async (_, changed, words) => {
    await expect(digestBackup(readerOf(whole, { "files.tar": changed }), makeContext())).rejects.toMatchObject({
      name: "ContentInvalid",
      message: expect.stringContaining(words),
    });
  });

  it.each([
    ["no JSON", "{", "line 2: is not JSON"],
    ["no object", "null", "line 2: is not an object"],
    ["no path", "{}", "line 2: has no path"],
    ["another type", '{"path":"a","type":"door"}', 'a has the unknown type "door"'],
    ["no mode", '{"path":"a","type":"directory"}', "a has no valid mode"],
    ["a line without end", "x".repeat(300_000), "line 2: is longer than any entry's"],
  ])("an index with %s", async (_, line, words) => {
    const lines = whole.artifacts.get("index.jsonl")?.toString().split("\n") ?? [];
    const index = Buffer.from([lines[0], line, ...lines.slice(2)].join("\n"));
    await expect(digestBackup(readerOf(whole, { "index.jsonl": index }), makeContext())).rejects.toMatchObject({
      name: "ContentInvalid",
      message: expect.stringContaining(words),
    });
  });
});
