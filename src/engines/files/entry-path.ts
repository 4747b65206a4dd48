/**
 * Names of any bytes. A file name on POSIX is a string of bytes, not of characters: inside this
 * engine it is a string in which each character is one byte (latin1), so that it sorts bytewise, is
 * exact, and costs one byte of memory a byte.
 */
import { isUtf8 } from "node:buffer";

/**
 * Bytes of a name or path relative to the tree's root, one character a byte; "" is the root itself.
 * Separator: "/".
 */
export type EntryPath = string & { readonly brand: "EntryPath" };

export const rootEntry = "" as EntryPath;

export function entryPathOf(bytes: Uint8Array): EntryPath {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1") as EntryPath;
}

export function bytesOf(path: EntryPath): Buffer {
  return Buffer.from(path, "latin1");
}

/** The path `name` within `parent`. */
export function joinEntry(parent: EntryPath, name: string): EntryPath {
  return (parent === "" ? name : `${parent}/${name}`) as EntryPath;
}

export function parentOf(path: EntryPath): EntryPath {
  const slash = path.lastIndexOf("/");
  return (slash < 0 ? "" : path.slice(0, slash)) as EntryPath;
}

/** An absolute path as the root of a tree: without a slash at its end, so that "/" itself is "". */
export function treeRootOf(bytes: Uint8Array): EntryPath {
  return entryPathOf(bytes).replace(/\/+$/, "") as EntryPath;
}

/** The absolute path, as bytes for the file system's calls. `root` is one of treeRootOf. */
export function locate(root: EntryPath, path: EntryPath): Buffer {
  return Buffer.from(path === "" && root !== "" ? root : `${root}/${path}`, "latin1");
}

/**
 * Bytes of a path that the system's calls take: PATH_MAX with its closing NUL is 4,096
 * (linux/limits.h).
 */
const maxPathBytes = 4_095;
/**
 * The same from the tree's root on: it must also fit behind a descriptor's path,
 * `/proc/self/fd/123456/tree/`, in restores.
 */
const maxEntryBytes = 4_064;

/**
 * Whether no system call would take the absolute path, there or where it is restored. Such an entry
 * is not backed up.
 */
export function isTooLong(root: EntryPath, path: EntryPath): boolean {
  return path.length > maxEntryBytes || root.length + 1 + path.length > maxPathBytes;
}

/**
 * The archive's order: name by name, bytewise, a directory before what it holds. Negative when `a`
 * comes first. (Not the order of the joined strings: there "a.txt" would come between "a" and
 * "a/b".)
 */
export function compareEntryPaths(a: EntryPath, b: EntryPath): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    if (x === slashCode) return -1;
    if (y === slashCode) return 1;
    return x - y;
  }
  return a.length - b.length;
}

const slashCode = 0x2f;

/** The text of a name that is valid UTF-8, else undefined. */
export function textOf(path: EntryPath): string | undefined {
  if (isAscii(path)) return path;
  const bytes = bytesOf(path);
  return isUtf8(bytes) ? bytes.toString("utf8") : undefined;
}

/**
 * For people: control characters and bytes that are no UTF-8 as `\xNN`, a backslash as two, the
 * root as ".".
 */
export function displayPath(path: EntryPath): string {
  if (path === "") return ".";
  const text = textOf(path) ?? path.replace(/[\x80-\xff]/g, "\u0000$&");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not reach a terminal.
  return text.replace(/\u0000([\x80-\xff])|[\x00-\x1f\x7f-\x9f\\]/g, (match, byte: string | undefined) => {
    if (match === "\\") return "\\\\";
    return `\\x${(byte ?? match).charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}

function isAscii(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII.
  return /^[\x00-\x7f]*$/.test(path);
}
