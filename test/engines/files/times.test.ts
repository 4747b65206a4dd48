/** Modification times that a file system, or a floating-point number, cannot hold. */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestBackup } from "../../../src/engines/files/digest.ts";
import { engine as filesEngine } from "../../../src/engines/files/engine.ts";
import { formatTime, parseTime } from "../../../src/engines/files/entry.ts";
import { createKeptTimes, isSameTime } from "../../../src/engines/files/kept-times.ts";
import { mountSmallDisk, type SmallDisk } from "../../support/tmpfs.ts";
import { dumpToMemory, indexOf, makeContext, makeSource, prove, readerOf, usePlace } from "./memory-backup.ts";
import { removeTree } from "./tree-zoo.ts";

const billion = 1_000_000_000n;
/**
 * utimensat(2) with whole nanoseconds, which Node does not have; `times` has lines of path,
 * seconds, nanoseconds.
 */
const setter = `
import ctypes, os, sys
class TS(ctypes.Structure): _fields_ = [("s", ctypes.c_long), ("n", ctypes.c_long)]
libc = ctypes.CDLL(None, use_errno=True)
for line in sys.stdin:
  path, s, n = line.split()
  times = (TS * 2)(TS(int(s), int(n)), TS(int(s), int(n)))
  if libc.utimensat(-100, path.encode(), times, 0x100) != 0: raise OSError(ctypes.get_errno(), path)
`;

function setTimes(times: readonly (readonly [string, bigint])[]): void {
  const lines = times.map(([path, ns]) => {
    const fraction = ((ns % billion) + billion) % billion;
    return `${path} ${(ns - fraction) / billion} ${fraction}\n`;
  });
  execFileSync("python3", ["-c", setter], { input: lines.join("") });
}

const seconds = (value: number | bigint, ns = 0n) => BigInt(value) * billion + ns;
/** Every file system holds these. */
const ordinary = {
  epoch: 0n,
  fraction: seconds(1_700_000_000, 123_456_789n),
  "before-1970": -1n,
  "1969": seconds(-2, 500_000_000n),
  "1902": seconds(-2_140_000_000),
};
/** tmpfs holds these, ext4 does not. */
const unusual = {
  "1901": seconds(-2_147_483_649, 876_543_211n),
  "1601": seconds(-11_644_473_600),
  "2447": seconds(15_032_385_536),
  "9999": seconds(253_402_300_799, 999_999_999n),
  "4428626": seconds(139_700_000_000_000, 7_621_616n),
  "before-the-universe": seconds(-(2n ** 60n)),
  "end-of-time": seconds(2n ** 62n, 999_999_999n),
};

let disk: SmallDisk;
let base: string;
let tree: string;
beforeEach(async () => {
  // tmpfs: the only common file system that holds all 64 bits of seconds.
  disk = await mountSmallDisk(8_388_608);
  tree = join(disk.path, "tree");
  fs.mkdirSync(tree);
  base = await mkdtemp(join(tmpdir(), "hf-times-"));
});
afterEach(async () => {
  await removeTree(base);
  await disk.remove();
});

function fill(times: Readonly<Record<string, bigint>>): void {
  const all: [string, bigint][] = [];
  for (const [name, ns] of Object.entries(times)) {
    fs.writeFileSync(join(tree, `${name}.file`), name);
    fs.mkdirSync(join(tree, `${name}.dir`));
    fs.symlinkSync("nowhere", join(tree, `${name}.link`));
    for (const kind of ["file", "dir", "link"]) all.push([join(tree, `${name}.${kind}`), ns]);
  }
  setTimes(all);
}

/** Whether the file system of `directory` holds a time: asked by other means than the engine's. */
function holds(directory: string, ns: bigint): boolean {
  const probe = join(directory, "probe-of-the-test");
  fs.writeFileSync(probe, "");
  setTimes([[probe, ns]]);
  const { mtimeNs } = fs.lstatSync(probe, { bigint: true });
  fs.rmSync(probe);
  return mtimeNs === ns;
}

it("stores every time to the nanosecond", async () => {
  fill({ ...ordinary, ...unusual });
  const lines = indexOf(await dumpToMemory(makeSource(tree)));
  for (const [name, ns] of Object.entries({ ...ordinary, ...unusual })) {
    for (const kind of ["file", "dir", "link"]) {
      expect(lines.find(({ path }) => path === `${name}.${kind}`)).toMatchObject({ mtime: formatTime(ns) });
    }
  }
});

describe.each([
  ["another disk", () => base],
  ["tmpfs", () => disk.path],
])("in a restore test on %s", (_, where) => {
  it("every time is compared, or named as what the file system cannot hold: never a difference", async () => {
    fill({ ...ordinary, ...unusual });
    const backup = await dumpToMemory(makeSource(tree));
    const temporaryDirectory = fs.mkdtempSync(join(where(), "temporary-"));
    const proof = await prove(backup, makeContext({ temporaryDirectory }));
    expect(proof.comparison).toMatchObject({ equal: true, differences: [] });
    const unheld = Object.values(unusual).filter((ns) => !holds(where(), ns));
    if (unheld.length === 0) expect(proof.findings).toEqual([]);
    else {
      const message = expect.stringContaining(`cannot hold the modification times of ${3 * unheld.length} entries`);
      expect(proof.findings).toMatchObject([{ class: "lacking", subject: "times", message }]);
    }
    expect(fs.readdirSync(temporaryDirectory)).toEqual([]);
  });

  it("ordinary times alone leave nothing to name", async () => {
    fill(ordinary);
    const temporaryDirectory = fs.mkdtempSync(join(where(), "temporary-"));
    expect(await prove(await dumpToMemory(makeSource(tree)), makeContext({ temporaryDirectory }))).toMatchObject({
      comparison: { equal: true },
      findings: [],
    });
  });
});

it("a restore keeps what it can, and names what it cannot, without being refused for it", async () => {
  fill({ ...ordinary, ...unusual });
  const backup = await dumpToMemory(makeSource(tree));
  const target = join(base, "restored");
  const context = makeContext();
  const place = await filesEngine.openTarget([readerOf(backup)], undefined, { target, overwrite: false }, context);
  await usePlace(place, async () => {
    const { findings } = await place.load();
    expect(findings.filter((finding) => finding.class !== "benign")).toEqual([]);
    expect(await place.compare(await digestBackup(readerOf(backup), context))).toMatchObject({ equal: true });
    await place.commit();
  });
  for (const [name, ns] of Object.entries({ ...ordinary, ...unusual })) {
    const kept = fs.lstatSync(join(target, `${name}.file`), { bigint: true }).mtimeNs;
    expect(isSameTime(kept, ns) || !holds(base, ns)).toBe(true);
  }
});

it("a time that was changed after the restore is a difference, also where the file system is at its limit", async () => {
  fill({ "1601": unusual["1601"], plain: ordinary.fraction });
  const backup = await dumpToMemory(makeSource(tree));
  const context = makeContext({ temporaryDirectory: base });
  const place = await filesEngine.openThrowaway([readerOf(backup)], context);
  await usePlace(place, async () => {
    await place.load();
    const private_ = fs.readdirSync(base).find((name) => name.startsWith("holdfast-test-"));
    setTimes([
      [join(base, String(private_), "tree/1601.file"), seconds(1_000)],
      [join(base, String(private_), "tree/plain.link"), ordinary.fraction + 2_000n],
    ]);
    const { differences } = await place.compare(await digestBackup(readerOf(backup), context));
    expect(differences.map(({ object }) => object)).toEqual(["1601.file", "plain.link"]);
  });
});

it("reads back every time that it writes into an index", () => {
  const limit = 2n ** 63n * billion;
  fc.assert(fc.property(fc.bigInt({ min: -limit, max: limit }), (ns) => parseTime(formatTime(ns)) === ns));
});

it("asks for many times at once without mixing them up", async () => {
  const times = createKeptTimes(join(disk.path, "time"));
  const asked = Array.from({ length: 100 }, (_, index) => seconds(20_000_000_000 + index));
  expect(await Promise.all(asked.map((ns) => times.keptOf(ns)))).toEqual(asked);
});
