/**
 * The tar format, header by header: POSIX ustar with pax extended headers (IEEE Std 1003.1, "pax",
 * "ustar Interchange Format"), the subset that a files backup uses (docs/files.md, "files.tar";
 * docs/adr/0004-tar-of-our-own.md says why it is written here).
 */
import { isUtf8 } from "node:buffer";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { type Entry, type EntryType, formatTime, parseTime } from "./entry.ts";
import { displayPath, type EntryPath, entryPathOf, rootEntry } from "./entry-path.ts";

export const blockBytes = 512;
/** Two blocks of zeros end an archive. */
export const archiveEnd = Buffer.alloc(2 * blockBytes);

/** ustar's fields: offset and length. */
const field = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  linkName: [157, 100],
  magic: [257, 8],
  user: [265, 32],
  group: [297, 32],
  prefix: [345, 155],
} as const;

const magic = "ustar\u000000";
const typeFlags: Readonly<Record<EntryType, string>> = { file: "0", hardlink: "1", symlink: "2", directory: "5" };
/** The largest numbers of seven and of eleven octal digits. */
const maxSevenDigits = 0o7777777;
const maxElevenDigits = 0o77777777777;
/**
 * No name on Linux is longer than PATH_MAX (4 KiB); a pax header beyond this is no work of this
 * engine.
 */
const maxPaxBytes = 65_536;

/** Bytes of zeros that fill `size` bytes of content up to a whole block. */
export function paddingOf(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes;
}

/**
 * The header block of an entry, with a pax header before it where ustar's fields cannot hold the
 * entry exactly. Names stand in ustar's own fields as raw bytes whenever they fit, for no tool
 * converts those; longer ones stand in the pax header, marked `hdrcharset=BINARY` when they are no
 * UTF-8.
 */
export function encodeHeader(entry: Entry): Buffer {
  const name = tarName(entry);
  const link = entry.hardLinkOf ?? entry.linkTarget ?? ("" as EntryPath);
  const records: [string, string][] = [];
  if (name.length > field.name[1]) records.push(["path", name]);
  if (link.length > field.linkName[1]) records.push(["linkpath", link]);
  if (records.some(([, value]) => !isUtf8(Buffer.from(value, "latin1")))) records.unshift(["hdrcharset", "BINARY"]);
  if (entry.size > maxElevenDigits) records.push(["size", String(entry.size)]);
  if (entry.uid > maxSevenDigits) records.push(["uid", String(entry.uid)]);
  if (entry.gid > maxSevenDigits) records.push(["gid", String(entry.gid)]);
  const seconds = entry.mtimeNs / 1_000_000_000n;
  if (seconds * 1_000_000_000n !== entry.mtimeNs || seconds < 0n || seconds > BigInt(maxElevenDigits)) {
    records.push(["mtime", formatTime(entry.mtimeNs)]);
  }
  const block = Buffer.alloc(blockBytes);
  fillBlock(block, { ...entry, name, link, flag: typeFlags[entry.type], seconds: clampSeconds(seconds) });
  return records.length === 0 ? block : Buffer.concat([encodePax(records), block]);
}

function tarName(entry: Entry): string {
  if (entry.path === rootEntry) return "./";
  return entry.type === "directory" ? `${entry.path}/` : entry.path;
}

function clampSeconds(seconds: bigint): number {
  if (seconds < 0n) return 0;
  return seconds > BigInt(maxElevenDigits) ? maxElevenDigits : Number(seconds);
}

interface BlockFields {
  readonly name: string;
  readonly link: string;
  readonly flag: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly seconds: number;
  readonly user?: string | undefined;
  readonly group?: string | undefined;
}

function fillBlock(block: Buffer, fields: BlockFields): void {
  const text = ([offset, length]: readonly [number, number], value: string) =>
    block.write(value.slice(0, length), offset, length, "latin1");
  const number = (at: readonly [number, number], value: number, max: number) =>
    text(at, (value > max ? 0 : value).toString(8).padStart(at[1] - 1, "0"));
  text(field.name, fields.name);
  number(field.mode, fields.mode, maxSevenDigits);
  number(field.uid, fields.uid, maxSevenDigits);
  number(field.gid, fields.gid, maxSevenDigits);
  number(field.size, fields.size, maxElevenDigits);
  number(field.mtime, fields.seconds, maxElevenDigits);
  text(field.type, fields.flag);
  text(field.linkName, fields.link);
  text(field.magic, magic);
  text(field.user, fields.user ?? "");
  text(field.group, fields.group ?? "");
  text(field.checksum, `${checksumOf(block).toString(8).padStart(6, "0")}\u0000 `);
}

function encodePax(records: readonly (readonly [string, string])[]): Buffer {
  const body = Buffer.from(records.map(([key, value]) => paxRecord(key, value)).join(""), "latin1");
  const block = Buffer.alloc(blockBytes);
  fillBlock(block, { name: "PaxHeaders/entry", link: "", flag: "x", mode: 0o644, uid: 0, gid: 0, size: body.length, seconds: 0 });
  return Buffer.concat([block, body, Buffer.alloc(paddingOf(body.length))]);
}

/** `<length> <key>=<value>\n`, where the length counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}

/** The sum of all bytes, with the checksum's own field counted as spaces. */
function checksumOf(block: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < blockBytes; i++) sum += block[i] ?? 0;
  for (let i = field.checksum[0]; i < field.checksum[0] + field.checksum[1]; i++) sum += 0x20 - (block[i] ?? 0);
  return sum;
}

export type PaxRecords = ReadonlyMap<string, string>;

/**
 * What a header block is: the end, a pax header whose body of `size` bytes follows, or an entry.
 */
export type TarBlock =
  | { readonly kind: "zero" }
  | { readonly kind: "pax"; readonly size: number }
  | { readonly kind: "entry"; readonly entry: TarEntry };

/** What tar knows of an entry; the index adds the rest. */
export type TarEntry = Omit<Entry, "sha256" | "links" | "sparse" | "torn">;

/**
 * Reads one header block; `pax` holds the records of the pax header before it. Errors:
 * ContentInvalid.
 */
export function decodeHeader(block: Buffer, pax: PaxRecords): TarBlock {
  if (block.every((byte) => byte === 0)) return { kind: "zero" };
  const name = readText(block, field.name);
  const fail = (what: string) =>
    new HoldfastError("ContentInvalid", `files.tar: the header of ${displayPath(name as EntryPath)} ${what}`);
  const number = (at: readonly [number, number], what: string) => {
    const digits = /^([0-7]+)[\0 ]?$/.exec(block.toString("latin1", at[0], at[0] + at[1]))?.[1];
    if (digits === undefined) throw fail(`has no valid ${what}`);
    return Number.parseInt(digits, 8);
  };
  if (Number.parseInt(readText(block, field.checksum), 8) !== checksumOf(block)) throw fail("does not match its checksum");
  if (block.toString("latin1", field.magic[0], field.magic[0] + field.magic[1]) !== magic) throw fail("is not of the POSIX format");
  const flag = readText(block, field.type);
  if (flag === "x") {
    const size = number(field.size, "size");
    if (size > maxPaxBytes) throw fail(`announces a pax header of ${size} bytes`);
    return { kind: "pax", size };
  }
  const type = (Object.keys(typeFlags) as EntryType[]).find((key) => typeFlags[key] === flag);
  if (type === undefined) throw fail(`has the type ${JSON.stringify(flag)}, which no backup holds`);
  const paxNumber = (key: string, fallback: () => number) => {
    const value = pax.get(key);
    if (value === undefined) return fallback();
    if (!/^\d{1,16}$/.test(value) || !Number.isSafeInteger(Number(value))) throw fail(`has no valid ${key}`);
    return Number(value);
  };
  const mtimeNs = pax.has("mtime") ? parseTime(pax.get("mtime") ?? "") : BigInt(number(field.mtime, "mtime")) * 1_000_000_000n;
  if (mtimeNs === undefined) throw fail("has no valid mtime");
  const prefix = readText(block, field.prefix);
  const path = pax.get("path") ?? (prefix === "" ? name : `${prefix}/${name}`);
  const link = (pax.get("linkpath") ?? readText(block, field.linkName)) as EntryPath;
  const user = readText(block, field.user);
  const group = readText(block, field.group);
  return {
    kind: "entry",
    entry: {
      path: entryNameOf(path, type),
      type,
      mode: number(field.mode, "mode"),
      uid: paxNumber("uid", () => number(field.uid, "uid")),
      gid: paxNumber("gid", () => number(field.gid, "gid")),
      mtimeNs,
      size: paxNumber("size", () => number(field.size, "size")),
      ...(type === "symlink" ? { linkTarget: link } : {}),
      ...(type === "hardlink" ? { hardLinkOf: link } : {}),
      ...(user === "" ? {} : { user }),
      ...(group === "" ? {} : { group }),
    },
  };
}

function entryNameOf(path: string, type: EntryType): EntryPath {
  if (type !== "directory") return path as EntryPath;
  return (path === "./" ? "" : path.replace(/\/$/, "")) as EntryPath;
}

function readText(block: Buffer, [offset, length]: readonly [number, number]): string {
  const text = block.toString("latin1", offset, offset + length);
  const end = text.indexOf("\u0000");
  return end < 0 ? text : text.slice(0, end);
}

const knownPaxKeys = new Set(["path", "linkpath", "hdrcharset", "size", "uid", "gid", "mtime"]);

/** Reads the records of a pax header's body. Errors: ContentInvalid. */
export function decodePax(body: Buffer): PaxRecords {
  const records = new Map<string, string>();
  const fail = (what: string) => new HoldfastError("ContentInvalid", `files.tar: a pax header ${what}`);
  for (let at = 0; at < body.length; ) {
    const space = body.indexOf(0x20, at);
    const digits = space < 0 ? "" : body.toString("latin1", at, space);
    const end = /^[1-9]\d{0,5}$/.test(digits) ? at + Number(digits) : -1;
    if (end <= space || end > body.length || body[end - 1] !== 0x0a) throw fail("has a record of a wrong length");
    const record = entryPathOf(body.subarray(space + 1, end - 1));
    const equals = record.indexOf("=");
    const key = record.slice(0, Math.max(0, equals));
    if (!knownPaxKeys.has(key) || records.has(key))
      throw fail(`has the record ${JSON.stringify(key)}, which no backup holds there`);
    records.set(key, record.slice(equals + 1));
    at = end;
  }
  return records;
}
