/**
 * Archives, indexes and patterns of the files engine: any bytes end in the content or in
 * ContentInvalid, however the stream is cut.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FilesBackup } from "../../src/engines/files/backup-facts.ts";
import { digestBackup } from "../../src/engines/files/digest.ts";
import { engine as filesEngine } from "../../src/engines/files/engine.ts";
import { type Entry, type EntryType, formatIndexLine, parseIndexLine } from "../../src/engines/files/entry.ts";
import { bytesOf, displayPath, type EntryPath, entryPathOf } from "../../src/engines/files/entry-path.ts";
import { compileSelection } from "../../src/engines/files/patterns.ts";
import { archiveEnd, decodePax, encodeHeader, paddingOf } from "../../src/engines/files/tar-header.ts";
import { createTarReader } from "../../src/engines/files/tar-reader.ts";
import { isHoldfastError } from "../../src/errors/holdfast-error.ts";
import { craftedFacts, makeContext, usePlace } from "../engines/files/memory-backup.ts";
import { describeTree, removeTree } from "../engines/files/tree-zoo.ts";
import { fuzz, propertyParameters } from "../support/fuzz.ts";
import type { Random } from "../support/mutate.ts";

const content = Buffer.from("content");
const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };

function entryOf(path: string, type: EntryType, target = ""): Entry {
  const common = { path: path as EntryPath, type, mode: type === "directory" ? 0o755 : 0o644, ...owner, mtimeNs: 1_500_000_000n };
  if (type === "symlink") return { ...common, size: 0, linkTarget: target as EntryPath };
  if (type === "hardlink") return { ...common, size: 0, hardLinkOf: target as EntryPath };
  if (type === "directory") return { ...common, size: 0 };
  return { ...common, size: content.length, links: 2, sha256: createHash("sha256").update(content).digest("hex") };
}

function pack(entries: readonly Entry[]): Buffer {
  const parts = entries.flatMap((entry) =>
    entry.type === "file" ? [encodeHeader(entry), content, Buffer.alloc(paddingOf(content.length))] : [encodeHeader(entry)],
  );
  return Buffer.concat([...parts, archiveEnd]);
}

const sound: readonly Entry[] = [
  entryOf("", "directory"),
  entryOf("a", "directory"),
  entryOf("a/file", "file"),
  entryOf("a/name", "hardlink", "a/file"),
  entryOf(`b${"x".repeat(120)}`, "file"),
  { ...entryOf("c\xff", "file"), mtimeNs: -1n, uid: 4_000_000_000, links: 2 },
  entryOf("d", "symlink", "../outside"),
];
const tar = pack(sound);
const index = Buffer.from(sound.map(formatIndexLine).join(""));
const tarWords = [
  "ustar\u000000",
  "0",
  "1",
  "2",
  "5",
  "x",
  "g",
  "L",
  "../",
  "/etc/passwd",
  "26 path=../../etc/passwd\n",
  "30 mtime=1e999\n",
];
const indexWords = [
  '"path":"..',
  '"type":"file"',
  '"type":"skipped"',
  '"size":',
  "9007199254740993",
  "-1",
  "null",
  '"pathBase64":"/w=="',
  "{",
  "}",
  "\n",
  "\\u0000",
];

/** Pieces of random sizes. */
function cut(bytes: Buffer, random: Random): Readable {
  const max = random.pick([1, 3, 511, 513, 5_000]);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random.below(max);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return Readable.from(pieces, { objectMode: false });
}

/** What `work` gives, or the name of the problem; anything but ContentInvalid is thrown. */
async function outcome<T>(work: () => Promise<T>): Promise<T | string> {
  try {
    return await work();
  } catch (error) {
    if (isHoldfastError(error, "ContentInvalid")) return "ContentInvalid";
    throw error;
  }
}

async function readTar(stream: AsyncIterable<Uint8Array>): Promise<unknown[]> {
  const reader = createTarReader(stream);
  const found: unknown[] = [];
  for (let entry = await reader.next(); entry !== undefined; entry = await reader.next()) {
    const digest = createHash("sha256");
    for await (const chunk of reader.body(entry)) digest.update(chunk);
    found.push({ ...entry, mtimeNs: String(entry.mtimeNs), content: digest.digest("hex") });
  }
  return found;
}

describe("fuzz", () => {
  it("tar: any bytes are the same entries, or the same problem, however they are cut", async () => {
    await fuzz({
      name: "tar",
      seeds: [tar, encodeHeader(entryOf("x".repeat(300), "symlink", "y".repeat(300)))],
      dictionary: tarWords,
      async run(input, random) {
        const whole = await outcome(() => readTar(Readable.from([input], { objectMode: false })));
        expect(await outcome(() => readTar(cut(input, random)))).toEqual(whole);
      },
    });
  });

  it("pax: any records are read, or are a problem", async () => {
    await fuzz({
      name: "pax",
      seeds: ["30 mtime=1700000000.123456789\n", "20 hdrcharset=BINARY\n12 path=a/b\n"],
      dictionary: ["=", "\n", " ", "path", "linkpath", "size", "999999 "],
      run: async (input) => void (await outcome(async () => decodePax(input))),
    });
  });

  it("index: any line is an entry that is written the same way again, or a problem", async () => {
    await fuzz({
      name: "index",
      seeds: sound.map(formatIndexLine),
      dictionary: indexWords,
      async run(input) {
        await outcome(async () => {
          const entry = parseIndexLine(input.toString("utf8"), 1);
          if (entry.type === "skipped") return;
          expect(parseIndexLine(formatIndexLine(entry), 1)).toEqual(entry);
          displayPath(entry.path);
        });
      },
    });
  });

  it("patterns: any text is a selection that judges any name, or a problem", async () => {
    await fuzz({
      name: "patterns",
      seeds: ["*.log", "/cache/", "a/**/c", "[!a-z]?\\*", "**"],
      dictionary: ["*", "**", "?", "[", "]", "!", "^", "-", "\\", "/", "..", "é", "🦊"],
      maxBytes: 2_048,
      run(input, random) {
        const half = random.below(input.length + 1);
        try {
          const selection = compileSelection([], [input.subarray(0, half).toString("utf8")]);
          selection.judge(entryPathOf(input.subarray(half)), random.below(2) === 1, true);
        } catch (error) {
          if (!isHoldfastError(error, "PolicyInvalid")) throw error;
        }
      },
    });
  });
});

describe("fuzz of whole backups", () => {
  let base: string;
  beforeAll(async () => {
    base = await mkdtemp(join(tmpdir(), "hf-fuzz-"));
    for (const name of ["outside", "temporary", "parent"]) fs.mkdirSync(join(base, name));
    fs.writeFileSync(join(base, "outside/precious"), "precious");
  });
  afterAll(() => removeTree(base));

  const readerOf = (archive: Buffer, lines: Buffer, random?: Random): FilesBackup => ({
    backupId: "20261120T020000Z-full-aaaaaa",
    source: "tree",
    kind: "full",
    coverage: { to: { at: "2026-11-20T02:00:00.000Z" } },
    facts: craftedFacts,
    sourceCheck: { mode: "none", objects: {} },
    artifacts: [{ name: "files.tar", role: "archive", format: "tar", plainBytes: archive.length }],
    open: async (name) => {
      const bytes = name === "files.tar" ? archive : lines;
      return random === undefined ? Readable.from([bytes], { objectMode: false }) : cut(bytes, random);
    },
  });

  /** Extracts into a target that is given up, and looks around. */
  async function extract(archive: Buffer, lines: Buffer): Promise<void> {
    const context = makeContext({ temporaryDirectory: join(base, "temporary") });
    const reader = readerOf(archive, lines);
    const place = await filesEngine.openTarget(
      [reader],
      undefined,
      { target: join(base, "parent/target"), overwrite: false },
      context,
    );
    const before = describeTree(join(base, "outside"));
    await usePlace(place, () => place.load());
    expect(describeTree(join(base, "outside"))).toEqual(before);
    expect(fs.readdirSync(base).sort()).toEqual(["outside", "parent", "temporary"]);
    expect([...fs.readdirSync(join(base, "parent")), ...fs.readdirSync(join(base, "temporary"))]).toEqual([]);
  }

  it("archives: any bytes have one digest, or are a problem, and write nothing outside", async () => {
    const split = (input: Buffer) => {
      const at = Math.min(input.length, Math.max(0, input.lastIndexOf("\0") + 1));
      return [input.subarray(0, at), input.subarray(at)] as const;
    };
    const context = makeContext({ temporaryDirectory: join(base, "temporary") });
    await fuzz(
      {
        name: "archive",
        seeds: [Buffer.concat([tar, index])],
        dictionary: [...tarWords, ...indexWords],
        async run(input, random) {
          const [archive, lines] = split(input);
          const whole = await outcome(() => digestBackup(readerOf(archive, lines), context));
          expect(await outcome(() => digestBackup(readerOf(archive, lines, random), context))).toEqual(whole);
          await extract(archive, lines);
        },
      },
      60,
    );
  });

  it("archives of any entries, well packed, write nothing outside", async () => {
    // Few names, so that entries meet: a link and what is beneath it, a directory `..` and a file
    // in it.
    const name = fc.constantFrom("a", "..", ".", "", "link", "\xff", "x".repeat(255), "\0");
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
    const anyPath = fc.oneof(
      { weight: 8, arbitrary: path },
      fc.constantFrom("/a", "../../outside/precious", "/dev/null", "../outside"),
    );
    const type = fc.constantFrom<EntryType>("file", "directory", "symlink", "hardlink");
    const entries = fc.array(fc.record({ path: anyPath, type, target: anyPath }), { minLength: 1, maxLength: 4 });
    const sorted = (list: readonly Entry[]) => list.toSorted((one, other) => (one.path < other.path ? -1 : 1));
    await fc.assert(
      fc.asyncProperty(entries, fc.boolean(), async (list, unordered) => {
        const made = list.map((item) => entryOf(item.path, item.type, item.target));
        const all = [entryOf("", "directory"), ...(unordered ? made : sorted(made))];
        await extract(pack(all), Buffer.from(all.map(formatIndexLine).join("")));
      }),
      propertyParameters(200),
    );
  });
});

it("reads back the bytes of any name", async () => {
  await fuzz({ name: "names", seeds: ["a/é/\xff"], run: (input) => expect(bytesOf(entryPathOf(input))).toEqual(input) });
});
