/** Reads objects of a folder vault: a stream that gives every byte or fails. */
import { constants } from "node:fs";
import { type FileHandle, lstat, open } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { handOver } from "../../runtime/chunk-memory.ts";
import { sha256Hex } from "../documents/canonical-json.ts";
import type { StoredObject } from "../object-store.ts";
import { abortReason } from "../read-body.ts";
import { codeOf, findOddKind, folderError, notAnObject } from "./errors.ts";
import { nameOf, type OpenDirectory, onWay } from "./way.ts";

/**
 * Objects up to this size have their content's SHA-256 as their etag; larger ones are never
 * replaced, and theirs tells file from file.
 */
export const smallObjectBytes = 1024 * 1024;
/** Large enough that reading costs nothing beside hashing and decrypting. */
const readBytes = 1024 * 1024;

interface OpenObject {
  readonly handle: FileHandle;
  readonly object: StoredObject;
  /** The content of a small object, which was read for its etag. */
  readonly content?: Buffer;
}

/**
 * Opens the object `key`; undefined when there is none. Neither waits for what stands there nor
 * follows it: it is looked at before it is opened (opening a device can do things), and again
 * afterwards. Errors: StoreAccessDenied, StoreUnavailable, VaultInvalid (no file).
 */
export async function openObject(root: string, key: string): Promise<OpenObject | undefined> {
  return onWay(root, key, undefined, async ({ last }) => openIn(last, key));
}

/** The same in a directory that is open already. */
export async function openIn(directory: OpenDirectory, key: string): Promise<OpenObject | undefined> {
  const path = `${directory.path}/${nameOf(key)}`;
  const shown = join(directory.shown, nameOf(key));
  let handle: FileHandle;
  try {
    if (isNone(await lstat(path), shown)) return undefined;
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    if (codeOf(error) === "ELOOP") throw notAnObject("a symbolic link", shown);
    throw folderError(error, "read", shown);
  }
  try {
    const stat = await handle.stat({ bigint: true });
    if (isNone(stat, shown)) {
      await handle.close();
      return undefined;
    }
    const base = { key, bytes: Number(stat.size), modifiedAt: storedAtOf(Number(stat.mtimeMs), Number(stat.ctimeMs)) };
    if (base.bytes > smallObjectBytes) return { handle, object: { ...base, etag: `${stat.size}-${stat.ino}-${stat.mtimeNs}` } };
    const content = await readSmallFile(handle, base.bytes, shown);
    return { handle, content, object: { ...base, bytes: content.length, etag: sha256Hex(content) } };
  } catch (error) {
    await handle.close().catch(() => undefined);
    throw folderError(error, "read", shown);
  }
}

/**
 * When the store got an object, in epoch milliseconds. Anyone who can write a file can also date it
 * back; the time of its last change of status is the system's own.
 */
export function storedAtOf(modifiedMs: number, changedMs: number): Date {
  return new Date(Math.max(modifiedMs, changedMs));
}

/**
 * A directory is no object, and what lies in it may be; only where a document must be is it in the
 * way.
 */
function isNone(stats: Parameters<typeof findOddKind>[0], shown: string): boolean {
  const odd = findOddKind(stats);
  if (odd === undefined) return false;
  if (odd === "a directory" && !shown.endsWith(".json")) return true;
  throw notAnObject(odd, shown);
}

/**
 * Objects are replaced, never written to: a file that grows while it is read is not ours, and may
 * have no end.
 */
async function readSmallFile(handle: FileHandle, bytes: number, shown: string): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(bytes + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
    if (bytesRead === 0) return buffer.subarray(0, length);
    length += bytesRead;
  }
  throw new HoldfastError("StoreUnavailable", `${shown} was written to while it was read`);
}

/**
 * The bytes from `start` to `end` (inclusive) of an opened object, which is closed with the stream.
 */
export function streamObject(
  { handle, object, content }: OpenObject,
  path: string,
  range: { readonly start: number; readonly end: number },
  signal: AbortSignal | undefined,
): Readable {
  const end = Math.min(range.end, object.bytes - 1);
  async function* chunks(): AsyncGenerator<Buffer, void, undefined> {
    try {
      if (content !== undefined) {
        if (range.start <= end) yield content.subarray(range.start, end + 1);
        return;
      }
      for (let position = range.start; position <= end; ) {
        if (signal?.aborted) throw abortReason(signal);
        const buffer = Buffer.allocUnsafeSlow(Math.min(readBytes, end + 1 - position));
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
        if (bytesRead === 0) {
          throw new HoldfastError(
            "StoreUnavailable",
            `${path} ended after ${position} of ${object.bytes} bytes: it was cut while it was read`,
          );
        }
        position += bytesRead;
        yield bytesRead === buffer.length ? handOver(buffer) : buffer.subarray(0, bytesRead);
      }
    } catch (error) {
      throw folderError(error, "read", path);
    }
  }
  const body = Readable.from(chunks(), { objectMode: true, highWaterMark: 1 });
  // Also for a stream that is destroyed before it was read: its generator never ran.
  body.once("close", () => {
    handle.close().catch(() => undefined);
  });
  return body;
}
