/**
 * A zip whose bytes depend on its files alone: sorted names, one time, plain modes. Links stay
 * links (Lambda unpacks them as such).
 */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { crc32, deflateRawSync } from "node:zlib";

/** PKWARE's APPNOTE: signatures, version 2.0, UTF-8 names, made on Unix. */
const [localSignature, centralSignature, endSignature] = [0x04_03_4b_50, 0x02_01_4b_50, 0x06_05_4b_50];
const [version, madeOnUnix, utf8Names] = [20, (3 << 8) | 20, 0x08_00];
const [stored, deflated] = [0, 8];
/** 1 January 1980, midnight: the first that a zip can say. */
const [time, date] = [0, 0x00_21];

interface Entry {
  readonly name: string;
  readonly mode: number;
  readonly content: Buffer;
}

/** The zip of everything below `root`. */
export function zipTree(root: string): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  const names = readdirSync(root, { recursive: true, encoding: "utf8" }).toSorted((a, b) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
  for (const entry of names.flatMap((name) => readEntry(root, name))) {
    const { header, body, central } = writeEntry(entry, offset);
    parts.push(header, body);
    directory.push(central);
    offset += header.length + body.length;
  }
  const index = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(endSignature, 0);
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(index.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, index, end]);
}

/** Programs and libraries may be run, nothing may be written. */
function readEntry(root: string, name: string): Entry[] {
  const path = join(root, name);
  const found = lstatSync(path);
  if (found.isSymbolicLink()) return [{ name, mode: 0o12_0777, content: Buffer.from(readlinkSync(path)) }];
  if (!found.isFile()) return [];
  return [{ name, mode: 0o10_0000 | (/(?:^|\/)bin\/|\.so(?:\.|$)/.test(name) ? 0o755 : 0o644), content: readFileSync(path) }];
}

function writeEntry({ name, mode, content }: Entry, offset: number): { header: Buffer; body: Buffer; central: Buffer } {
  const title = Buffer.from(name);
  const packed = deflateRawSync(content, { level: 6 });
  const [method, body] = packed.length < content.length ? [deflated, packed] : [stored, content];
  const common = Buffer.alloc(26);
  common.writeUInt16LE(version, 0);
  common.writeUInt16LE(utf8Names, 2);
  common.writeUInt16LE(method, 4);
  common.writeUInt16LE(time, 6);
  common.writeUInt16LE(date, 8);
  common.writeUInt32LE(crc32(content), 10);
  common.writeUInt32LE(body.length, 14);
  common.writeUInt32LE(content.length, 18);
  common.writeUInt16LE(title.length, 22);
  const local = Buffer.alloc(4);
  local.writeUInt32LE(localSignature, 0);
  const central = Buffer.alloc(6);
  central.writeUInt32LE(centralSignature, 0);
  central.writeUInt16LE(madeOnUnix, 4);
  const rest = Buffer.alloc(14);
  rest.writeUInt32LE((mode << 16) >>> 0, 6);
  rest.writeUInt32LE(offset, 10);
  return { header: Buffer.concat([local, common, title]), body, central: Buffer.concat([central, common, rest, title]) };
}
