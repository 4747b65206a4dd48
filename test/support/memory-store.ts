/**
 * An object store in memory, for tests of what uses one; it runs the port's contract like every
 * other adapter.
 */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { assertKey, compareKeys } from "../../src/vault/object-key.ts";
import type { ObjectLock, ObjectLocks, ObjectStore, PutOptions, StoredObject } from "../../src/vault/object-store.ts";
import { abortReason, readBody } from "../../src/vault/read-body.ts";

export interface MemoryStore extends ObjectStore {
  readonly objects: Map<
    string,
    { readonly bytes: Buffer; modifiedAt: Date; lock?: ObjectLock; tags?: Readonly<Record<string, string>> }
  >;
  /** What a deletion outside Holdfast hid. */
  readonly hidden: Map<string, Date>;
}

/**
 * `now` dates what is stored, and ends locks; with `locks` it keeps them as a bucket with Object
 * Lock does.
 */
export function makeMemoryStore(
  now: () => Date = () => new Date(),
  { locks = false }: { readonly locks?: boolean } = {},
): MemoryStore {
  const objects: MemoryStore["objects"] = new Map();
  const describe = (key: string): StoredObject | undefined => {
    const found = objects.get(key);
    if (found === undefined) return undefined;
    const etag = createHash("sha256").update(found.bytes).digest("hex");
    const lock = found.lock === undefined ? {} : { lock: found.lock };
    return { key, bytes: found.bytes.length, modifiedAt: found.modifiedAt, etag, ...lock };
  };
  const hidden: MemoryStore["hidden"] = new Map();
  const lockable = (key: string) => {
    const found = objects.get(key);
    if (found === undefined) throw new HoldfastError("ObjectNotFound", `there is no ${key}`);
    return found;
  };
  const abilities: ObjectLocks = {
    async extendRetention(key, until) {
      const found = lockable(key);
      if (found.lock?.until !== undefined && found.lock.until >= until) return false;
      found.lock = { held: found.lock?.held ?? false, until };
      return true;
    },
    async legalHold(key, on) {
      const found = lockable(key);
      found.lock = { ...found.lock, held: on };
    },
  };
  const isActive = ({ until, held }: ObjectLock): boolean => held || (until !== undefined && until > now());
  const check = (key: string, { ifAbsent, ifMatch }: PutOptions): void => {
    const etag = describe(key)?.etag;
    if (ifAbsent === true && etag !== undefined) throw new HoldfastError("ObjectExists", `${key} is there already`);
    if (ifMatch !== undefined && etag !== ifMatch) throw new HoldfastError("StoreConflict", `${key} was changed`);
  };
  return {
    url: "memory:",
    locks: locks ? abilities : undefined,
    objects,
    hidden,
    async put(key, body, options = {}) {
      assertKey(key);
      const chunks: Uint8Array[] = [];
      for await (const chunk of readBody(body, options.signal ?? new AbortController().signal)) chunks.push(Buffer.from(chunk));
      check(key, options);
      const { retainUntil, tags } = options;
      if (retainUntil !== undefined && !locks) throw new HoldfastError("VaultInvalid", "this memory does not lock");
      objects.set(key, {
        bytes: Buffer.concat(chunks),
        modifiedAt: now(),
        ...(retainUntil === undefined ? {} : { lock: { held: false, until: retainUntil } }),
        ...(tags === undefined ? {} : { tags }),
      });
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
      const lock = objects.get(key)?.lock;
      if (lock !== undefined && isActive(lock)) return lock;
      objects.delete(key);
      return undefined;
    },
    async *listHidden(prefix) {
      for (const [key, hiddenAt] of hidden) if (key.startsWith(prefix)) yield { key, by: "deletion", hiddenAt };
    },
    inspect: async () => [],
    abortStaleUploads: async () => 0,
    close: () => undefined,
  };
}
