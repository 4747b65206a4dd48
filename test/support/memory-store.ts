/** An object store in memory, for tests of what uses one; it runs the port's contract like every other adapter. */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { assertKey, compareKeys } from "../../src/vault/object-key.ts";
import type { ObjectStore, PutOptions, StoredObject } from "../../src/vault/object-store.ts";
import { abortReason, readBody } from "../../src/vault/read-body.ts";

export interface MemoryStore extends ObjectStore {
  readonly objects: Map<string, { readonly bytes: Buffer; modifiedAt: Date }>;
}

/** `now` dates what is stored. */
export function makeMemoryStore(now: () => Date = () => new Date()): MemoryStore {
  const objects: MemoryStore["objects"] = new Map();
  const describe = (key: string): StoredObject | undefined => {
    const found = objects.get(key);
    if (found === undefined) return undefined;
    const etag = createHash("sha256").update(found.bytes).digest("hex");
    return { key, bytes: found.bytes.length, modifiedAt: found.modifiedAt, etag };
  };
  const check = (key: string, { ifAbsent, ifMatch }: PutOptions): void => {
    const etag = describe(key)?.etag;
    if (ifAbsent === true && etag !== undefined) throw new HoldfastError("ObjectExists", `${key} is there already`);
    if (ifMatch !== undefined && etag !== ifMatch) throw new HoldfastError("StoreConflict", `${key} was changed`);
  };
  return {
    url: "memory:",
    objects,
    async put(key, body, options = {}) {
      assertKey(key);
      const chunks: Uint8Array[] = [];
      for await (const chunk of readBody(body, options.signal ?? new AbortController().signal)) chunks.push(Buffer.from(chunk));
      check(key, options);
      objects.set(key, { bytes: Buffer.concat(chunks), modifiedAt: now() });
      return { etag: describe(key)?.etag ?? "", bytes: objects.get(key)?.bytes.length ?? 0 };
    },
    async get(key, { range, signal } = {}) {
      assertKey(key);
      if (signal?.aborted) throw abortReason(signal);
      const found = objects.get(key);
      const object = describe(key);
      if (found === undefined || object === undefined) throw new HoldfastError("ObjectNotFound", `there is no ${key}`);
      const bytes = found.bytes.subarray(range?.start ?? 0, (range?.end ?? found.bytes.length) + 1);
      async function* pieces(): AsyncGenerator<Buffer> {
        for (let offset = 0; offset < bytes.length; offset += 65_536) {
          if (signal?.aborted) throw abortReason(signal);
          yield bytes.subarray(offset, offset + 65_536);
        }
      }
      return { object, body: Readable.from(pieces(), { objectMode: false }) };
    },
    async head(key) {
      assertKey(key);
      return describe(key);
    },
    async *list(prefix, { startAfter = "", signal } = {}) {
      if (signal?.aborted) throw abortReason(signal);
      const keys = [...objects.keys()].filter(
        (key) => key.startsWith(prefix) && (startAfter === "" || compareKeys(key, startAfter) > 0),
      );
      for (const key of keys.sort(compareKeys)) {
        const found = objects.get(key);
        if (found !== undefined) yield { key, bytes: found.bytes.length, modifiedAt: found.modifiedAt };
      }
    },
    async delete(key) {
      assertKey(key);
      objects.delete(key);
    },
    abortStaleUploads: async () => 0,
    close: () => undefined,
  };
}
