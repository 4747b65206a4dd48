import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createStructureGuard } from "../../../src/engines/files/archive-structure.ts";
import { createByteSource } from "../../../src/engines/files/byte-source.ts";
import { type Entry, formatIndexLine, formatTime, parseIndexLine, parseTime } from "../../../src/engines/files/entry.ts";
import {
  bytesOf,
  compareEntryPaths,
  displayPath,
  type EntryPath,
  entryPathOf,
  textOf,
} from "../../../src/engines/files/entry-path.ts";
import { encodeHeader } from "../../../src/engines/files/tar-header.ts";
import { createTarReader } from "../../../src/engines/files/tar-reader.ts";
import { utf8 } from "./tree-zoo.ts";

/** One name: any bytes but NUL and the slash; often no UTF-8, sometimes long. */
const name = fc
  .oneof(
    { weight: 3, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 255 }) },
    { weight: 1, arbitrary: fc.string({ unit: "grapheme", minLength: 1, maxLength: 80 }).map((text) => Buffer.from(text)) },
  )
  .map((bytes) => entryPathOf(bytes.filter((byte) => byte !== 0 && byte !== 0x2f)))
  .filter((text) => text !== "" && text !== "." && text !== "..");
const path = fc.array(name, { minLength: 1, maxLength: 8 }).map((names) => names.join("/") as EntryPath);
const target = fc
  .uint8Array({ minLength: 1, maxLength: 400 })
  .map((bytes) => entryPathOf(bytes.map((byte) => (byte === 0 ? 1 : byte))));
const time = fc.bigInt({ min: -10_000_000_000_000_000_000n, max: 100_000_000_000_000_000_000n });
const owner = fc.oneof(fc.integer({ min: 0, max: 65_535 }), fc.integer({ min: 0, max: 4_294_967_295 }));
const ownerName = fc.option(fc.stringMatching(/^[a-z][a-z0-9-]{0,30}$/), { nil: undefined });

const common = fc.record(
  { path, mode: fc.integer({ min: 0, max: 0o7777 }), uid: owner, gid: owner, mtimeNs: time, user: ownerName, group: ownerName },
  { requiredKeys: ["path", "mode", "uid", "gid", "mtimeNs"] },
);
const entry: fc.Arbitrary<Entry> = fc
  .tuple(
    common,
    fc.oneof(
      fc.record({ type: fc.constant("directory" as const), size: fc.constant(0) }),
      fc.record({ type: fc.constant("symlink" as const), size: fc.constant(0), linkTarget: target }),
      fc.record({ type: fc.constant("hardlink" as const), size: fc.constant(0), hardLinkOf: path }),
      fc.record({
        type: fc.constant("file" as const),
        size: fc.oneof(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 8_589_934_590, max: Number.MAX_SAFE_INTEGER })),
        sha256: fc.stringMatching(/^[0-9a-f]{64}$/),
      }),
    ),
  )
  .map(([a, b]) => ({ ...a, ...b }))
  .map(({ user, group, ...rest }) => ({
    ...rest,
    ...(user === undefined ? {} : { user }),
    ...(group === undefined ? {} : { group }),
  }));

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

it("writes headers of any entry so that they read back the same, however the stream is cut", async () => {
  await fc.assert(
    fc.asyncProperty(entry, fc.integer({ min: 1, max: 2_000 }), async (original, size) => {
      const header = encodeHeader(original);
      expect(header.length % 512).toBe(0);
      const { sha256: _sha256, ...known } = original;
      expect(await createTarReader(inPieces(header, size)).next()).toEqual(known);
    }),
    { numRuns: 1_000 },
  );
});

it("writes index lines of any entry so that they read back the same", () => {
  fc.assert(
    fc.property(entry, fc.constantFrom(undefined, "changed" as const, "shrank" as const), (original, torn) => {
      const file = original.type === "file" ? { links: 3, sparse: true, ...(torn === undefined ? {} : { torn }) } : {};
      const line = formatIndexLine({ ...original, ...file });
      expect(line.indexOf("\n")).toBe(line.length - 1);
      expect(parseIndexLine(line.trimEnd(), 1)).toEqual({ ...original, ...file });
    }),
    { numRuns: 1_000 },
  );
});

it("orders paths by their names, bytewise", () => {
  const order = (a: EntryPath, b: EntryPath) => {
    const [left, right] = [a.split("/"), b.split("/")];
    for (let level = 0; level < Math.min(left.length, right.length); level++) {
      const difference = Buffer.compare(bytesOf(left[level] as EntryPath), bytesOf(right[level] as EntryPath));
      if (difference !== 0) return difference;
    }
    return left.length - right.length;
  };
  const related = fc.tuple(path, fc.string({ unit: fc.constantFrom("/", "a", ".", "\xff"), minLength: 1, maxLength: 6 }));
  fc.assert(
    fc.property(
      fc.oneof(
        fc.tuple(path, path),
        related.map(([a, tail]) => [a, (a + tail).replace(/\/+/g, "/").replace(/\/$/, "") as EntryPath]),
      ),
      ([a, b]) => {
        expect(Math.sign(compareEntryPaths(a as EntryPath, b as EntryPath))).toBe(Math.sign(order(a as EntryPath, b as EntryPath)));
      },
    ),
    { numRuns: 1_000 },
  );
});

it("writes times as pax does", () => {
  expect([0n, 1_500_000_000n, -1_500_000_000n, -1n, 1_700_000_000_123_456_789n].map(formatTime)).toEqual([
    "0",
    "1.5",
    "-1.5",
    "-0.000000001",
    "1700000000.123456789",
  ]);
  fc.assert(fc.property(time, (ns) => parseTime(formatTime(ns)) === ns));
  expect(["", ".5", "1.", "1e3", "+1", "0x1", " 1"].map(parseTime)).toEqual(Array.from({ length: 7 }, () => undefined));
});

it("shows names of any bytes without a control character", () => {
  expect(displayPath("" as EntryPath)).toBe(".");
  expect(displayPath(utf8("é/🦊") as EntryPath)).toBe("é/🦊");
  expect(displayPath("a\nb\x1b[31m\\" as EntryPath)).toBe("a\\x0ab\\x1b[31m\\\\");
  expect(displayPath("\xff-\xc3" as EntryPath)).toBe("\\xff-\\xc3");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there.
  fc.assert(fc.property(path, (any) => !/[\x00-\x1f\x7f-\x9f]/.test(displayPath(any))));
});

it("keeps a byte order mark in a name", () => {
  expect(textOf("\xef\xbb\xbfx" as EntryPath)).toBe("\ufeffx");
  expect(parseIndexLine('{"path":"\ufeffx","type":"directory","mode":"0755","uid":0,"gid":0,"mtime":"0","size":0}', 1).path).toBe(
    "\xef\xbb\xbfx",
  );
});

describe("a source of bytes", () => {
  it("gives exact amounts and whole lines, however the stream is cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: fc.constantFrom("a", "b") })),
        fc.integer({ min: 1, max: 7 }),
        async (lines, size) => {
          const text = lines.map((line) => `${line}\n`).join("");
          const source = createByteSource(inPieces(Buffer.from(text), size));
          for (const line of lines) expect((await source.takeLine(1_000))?.toString()).toBe(line);
          expect(await source.takeLine(1_000)).toBeUndefined();
          const again = createByteSource(inPieces(Buffer.from(text), size));
          for (let at = 0; at < text.length; at += 3) {
            const expected = text.length - at < 3 ? undefined : text.slice(at, at + 3);
            expect((await again.take(3))?.toString()).toBe(expected);
          }
        },
      ),
    );
  });
});

describe("any order of entries", () => {
  const small = fc.constantFrom("", "a", "b", "a/b", "a/c", "b/a", "a/b/c", "../a", "/a", "a/../b") as fc.Arbitrary<EntryPath>;
  const kind = fc.constantFrom("directory" as const, "file" as const, "symlink" as const, "hardlink" as const);

  it("is admitted only when each entry is new and stands in a real directory", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ path: small, type: kind, hardLinkOf: small }), { maxLength: 8 }), (entries) => {
        const guard = createStructureGuard();
        const made = new Map<string, string>();
        for (const { path: at, type, hardLinkOf } of entries) {
          const sha256 = "0".repeat(64);
          const base = { path: at, type, mode: 0, uid: 0, gid: 0, mtimeNs: 0n, size: 0 };
          const extra = {
            file: { sha256, links: 2 },
            symlink: { linkTarget: "x" as EntryPath },
            hardlink: { hardLinkOf },
            directory: {},
          }[type];
          try {
            guard.admit({ ...base, ...extra });
          } catch {
            return;
          }
          expect(made.has(at)).toBe(false);
          expect(at === "" || made.get(at.includes("/") ? at.slice(0, at.lastIndexOf("/")) : "") === "directory").toBe(true);
          expect(at.startsWith("/") || at.split("/").includes("..")).toBe(false);
          if (type === "hardlink") expect(made.get(hardLinkOf)).toBe("file");
          made.set(at, type);
        }
      }),
      { numRuns: 5_000 },
    );
  });
});
