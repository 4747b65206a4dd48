/** Reads objects of a folder vault: a stream that gives every byte or fails. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { Readable } from "node:stream";
import { HoldfastError } from "../errors/holdfast-error.ts";
import { handOver } from "../runtime/chunk-memory.ts";
import { sha256Hex } from "./canonical-json.ts";
import { codeOf, folderError } from "./folder-errors.ts";
import { assertNoLinks } from "./folder-paths.ts";
import type { StoredObject } from "./object-store.ts";
import { abortReason } from "./read-body.ts";

/** Objects up to this size have their content's SHA-256 as their etag; larger ones are never replaced, and theirs tells file from file. */
export const smallObjectBytes = 1024 * 1024;
/** Large enough that reading costs nothing beside hashing and decrypting. */
const readBytes = 1024 * 1024;

interface OpenObject {
  readonly handle: FileHandle;
  readonly object: StoredObject;
  /** The content of a small object, which was read for its etag. */
  readonly content?: Buffer;
}

/** Opens the object at `path`; undefined when there is none. Errors: StoreAccessDenied, StoreUnavailable, VaultInvalid. */
export async function openObject(root: string, path: string, key: string): Promise<OpenObject | undefined> {
  await assertNoLinks(root, path);
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    throw folderError(error, "open", path);
  }
  try {
    const stat = await handle.stat({ bigint: true });
    if (!stat.isFile()) {
      await handle.close();
      return undefined;
    }
    const bytes = Number(stat.size);
    const base = { key, bytes, modifiedAt: new Date(Number(stat.mtimeMs)) };
    if (bytes > smallObjectBytes) return { handle, object: { ...base, etag: `${stat.size}-${stat.ino}-${stat.mtimeNs}` } };
    const content = await handle.readFile();
    return { handle, content, object: { ...base, bytes: content.length, etag: sha256Hex(content) } };
  } catch (error) {
    await handle.close();
    throw folderError(error, "read", path);
  }
}

/** The bytes from `start` to `end` (inclusive) of an opened object, which is closed with the stream. */
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
