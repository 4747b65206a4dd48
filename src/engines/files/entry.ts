/**
 * One entry of a files backup, and its line in index.jsonl. The format is docs/files.md,
 * "index.jsonl".
 */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { bytesOf, displayPath, type EntryPath, entryPathOf, rootEntry, textOf } from "./entry-path.ts";

export type EntryType = "file" | "directory" | "symlink" | "hardlink";

/** Why the bytes stored of a file may be no state that the file ever had. */
export type TornReason = "changed" | "grew" | "shrank" | "unreadable";

export interface Entry {
  readonly path: EntryPath;
  readonly type: EntryType;
  /** The twelve permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /**
   * Names of the owner on the machine that was backed up, where they are known and fit into tar's
   * field (owner-names.ts); for people.
   */
  readonly user?: string | undefined;
  readonly group?: string | undefined;
  readonly mtimeNs: bigint;
  /** Bytes of content in the archive; 0 for all but files. */
  readonly size: number;
  /** Of the content in the archive, hex; files only. */
  readonly sha256?: string | undefined;
  /** Symbolic links only. */
  readonly linkTarget?: EntryPath | undefined;
  /** Hard links only: the file's first name in the archive. */
  readonly hardLinkOf?: EntryPath | undefined;
  /** How many names the file had, where it was more than one; files only. */
  readonly links?: number | undefined;
  /** The file had holes: blocks of zeros come back as holes. */
  readonly sparse?: boolean | undefined;
  readonly torn?: TornReason | undefined;
}

/** Something that stands in the tree and not in the archive. */
export interface SkippedEntry {
  readonly path: EntryPath;
  readonly type: "skipped";
  readonly reason: string;
}

export function formatSkippedLine(path: EntryPath, reason: string): string {
  return `${JSON.stringify({ ...namePart("path", path), type: "skipped", reason })}\n`;
}

/** The entry's line in the index, with its line feed. */
export function formatIndexLine(entry: Entry): string {
  return `${JSON.stringify({
    ...contentPart(entry),
    user: entry.user,
    group: entry.group,
    links: entry.links,
    ...(entry.sparse === true ? { sparse: true } : {}),
    torn: entry.torn,
  })}\n`;
}

/**
 * The line that goes into the content digest: what a restore has to bring back, and nothing else.
 */
export function formatContentLine(entry: Entry): string {
  return `${JSON.stringify(contentPart(entry))}\n`;
}

function contentPart(entry: Entry): Record<string, unknown> {
  return {
    ...namePart("path", entry.path),
    type: entry.type,
    mode: entry.mode.toString(8).padStart(4, "0"),
    uid: entry.uid,
    gid: entry.gid,
    mtime: formatTime(entry.mtimeNs),
    size: entry.size,
    sha256: entry.sha256,
    ...(entry.linkTarget === undefined ? {} : namePart("linkTarget", entry.linkTarget)),
    ...(entry.hardLinkOf === undefined ? {} : namePart("hardLinkOf", entry.hardLinkOf)),
  };
}

/** `key` with the text where the bytes are UTF-8, else `keyBase64` with the bytes. */
function namePart(key: string, path: EntryPath): Record<string, string> {
  if (path === rootEntry && key === "path") return { [key]: "." };
  const text = textOf(path);
  return text === undefined ? { [`${key}Base64`]: bytesOf(path).toString("base64") } : { [key]: text };
}

/**
 * Seconds since 1970 as a decimal fraction without trailing zeros, as pax writes them:
 * "1700000000.5", "-1.5".
 */
export function formatTime(ns: bigint): string {
  const magnitude = ns < 0n ? -ns : ns;
  const fraction = (magnitude % billion).toString().padStart(9, "0").replace(/0+$/, "");
  return `${ns < 0n ? "-" : ""}${magnitude / billion}${fraction === "" ? "" : `.${fraction}`}`;
}

/**
 * The reverse of formatTime; undefined for anything else. Digits beyond the ninth are cut. Seconds
 * have up to 19 digits, as time_t does.
 */
export function parseTime(text: string): bigint | undefined {
  const match = /^(-?)(\d{1,19})(?:\.(\d+))?$/.exec(text);
  if (match === null) return undefined;
  const magnitude = BigInt(match[2] ?? "0") * billion + BigInt((match[3] ?? "").slice(0, 9).padEnd(9, "0"));
  return match[1] === "-" ? -magnitude : magnitude;
}

const billion = 1_000_000_000n;

/** Parses one line of the index; `number` counts lines from 1. Errors: ContentInvalid. */
export function parseIndexLine(line: string, number: number): Entry | SkippedEntry {
  const fail = (what: string) => new HoldfastError("ContentInvalid", `index.jsonl, line ${number}: ${what}`);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new HoldfastError("ContentInvalid", `index.jsonl, line ${number}: is not JSON`, { cause: error });
  }
  if (typeof value !== "object" || value === null) throw fail("is not an object");
  const fields = value as Record<string, unknown>;
  const path = readName(fields, "path");
  if (path === undefined) throw fail("has no path");
  const type = fields["type"];
  if (type === "skipped") return { path, type, reason: String(fields["reason"]) };
  if (!isEntryType(type)) throw fail(`${displayPath(path)} has the unknown type ${JSON.stringify(type)}`);
  const entry = readFields(fields, path, type);
  if (typeof entry === "string") throw fail(`${displayPath(path)} has ${entry}`);
  return entry;
}

function isEntryType(type: unknown): type is EntryType {
  return type === "file" || type === "directory" || type === "symlink" || type === "hardlink";
}

/** The entry, or what is wrong with it. */
function readFields(fields: Record<string, unknown>, path: EntryPath, type: EntryType): Entry | string {
  const { mode, mtime, sha256, torn, user, group, links } = fields;
  if (typeof mode !== "string" || !/^[0-7]{4}$/.test(mode)) return "no valid mode";
  const mtimeNs = typeof mtime === "string" ? parseTime(mtime) : undefined;
  if (mtimeNs === undefined) return "no valid mtime";
  const [uid, gid, size] = [readCount(fields["uid"]), readCount(fields["gid"]), readCount(fields["size"])];
  if (uid === undefined || gid === undefined || size === undefined) return "no valid uid, gid or size";
  if ((type === "file") !== (typeof sha256 === "string" && /^[0-9a-f]{64}$/.test(sha256))) return "no valid sha256";
  if (type !== "file" && size !== 0) return "a size although it is not a file";
  if (torn !== undefined && !["changed", "grew", "shrank", "unreadable"].includes(String(torn)))
    return "an unknown reason for being torn";
  const [linkTarget, hardLinkOf] = [readName(fields, "linkTarget"), readName(fields, "hardLinkOf")];
  if ((type === "symlink") !== (linkTarget !== undefined)) return "no valid linkTarget";
  if ((type === "hardlink") !== (hardLinkOf !== undefined)) return "no valid hardLinkOf";
  if (links !== undefined && (readCount(links) ?? 0) < 2) return "no valid number of links";
  return {
    path,
    type,
    mode: Number.parseInt(mode, 8),
    uid,
    gid,
    mtimeNs,
    size,
    ...(typeof user === "string" ? { user } : {}),
    ...(typeof group === "string" ? { group } : {}),
    ...(typeof sha256 === "string" ? { sha256 } : {}),
    linkTarget,
    hardLinkOf,
    ...(typeof links === "number" ? { links } : {}),
    ...(fields["sparse"] === true ? { sparse: true } : {}),
    ...(torn === undefined ? {} : { torn: torn as TornReason }),
  };
}

function readCount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0) ? value : undefined;
}

function readName(fields: Record<string, unknown>, key: string): EntryPath | undefined {
  const text = fields[key];
  if (typeof text === "string") return key === "path" && text === "." ? rootEntry : entryPathOf(Buffer.from(text, "utf8"));
  const encoded = fields[`${key}Base64`];
  return typeof encoded === "string" ? entryPathOf(Buffer.from(encoded, "base64")) : undefined;
}
