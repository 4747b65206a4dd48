/**
 * A store in memory that keeps versions as a bucket does, and what others do in one. It runs the
 * contract of versions like every other adapter.
 */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { compareKeys } from "../../src/vault/object-key.ts";
import type { ObjectVersion } from "../../src/vault/object-store.ts";
import { describeHiding, hidesContent, showsFirst } from "../../src/vault/undelete/choose-version.ts";
import { type MemoryStore, makeMemoryStore } from "./memory-store.ts";

interface Kept extends ObjectVersion {
  readonly content: Buffer;
}

export interface VersionedMemory extends MemoryStore {
  /** What this identity may do; changed by a test at any time. */
  readonly rights: { remove: boolean; overwrite: boolean; deleteVersions: boolean };
  /** A delete without a version, as others do it. */
  hide(key: string): void;
  /** A write over an object, as others do it. */
  overwrite(key: string, content: Uint8Array): void;
  /** What a reader meets, by key. */
  visible(): Record<string, string>;
}

export function makeVersionedStore(now: () => Date = () => new Date()): VersionedMemory {
  const memory = makeMemoryStore(now);
  const kept = new Map<string, Kept[]>();
  const rights = { remove: true, overwrite: true, deleteVersions: true };
  let count = 0;
  const add = (key: string, content: Buffer | undefined): void => {
    const versions = (kept.get(key) ?? []).map((version) => ({ ...version, isLatest: false }));
    count += 1;
    const made = { key, versionId: `v${count}`, isMarker: content === undefined, isLatest: true, modifiedAt: now() };
    const etag = content === undefined ? "" : createHash("sha256").update(content).digest("hex");
    kept.set(key, [{ ...made, etag, bytes: content?.length ?? 0, content: content ?? Buffer.alloc(0) }, ...versions]);
    show(key);
  };
  const show = (key: string): void => {
    const [newest] = kept.get(key) ?? [];
    if (newest === undefined || newest.isMarker) memory.objects.delete(key);
    else memory.objects.set(key, { bytes: newest.content, modifiedAt: newest.modifiedAt });
  };
  const listed = (prefix: string): [string, Kept[]][] =>
    [...kept].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => compareKeys(a, b));
  const refuse = (what: string): never => {
    throw new HoldfastError("StoreAccessDenied", `not allowed to ${what}`);
  };
  return {
    ...memory,
    rights,
    hide: (key) => add(key, undefined),
    overwrite: (key, content) => add(key, Buffer.from(content)),
    visible: () => Object.fromEntries([...memory.objects].map(([key, { bytes }]) => [key, bytes.toString("hex")])),
    async put(key, body, options = {}) {
      if (!rights.overwrite && options.ifAbsent !== true) refuse(`write over ${key}`);
      const written = await memory.put(key, body, options);
      add(key, memory.objects.get(key)?.bytes ?? Buffer.alloc(0));
      return written;
    },
    async delete(key) {
      if (!rights.deleteVersions) {
        if (memory.objects.has(key)) add(key, undefined);
        return undefined;
      }
      kept.delete(key);
      return memory.delete(key);
    },
    async *listHidden(prefix) {
      for (const [key, versions] of listed(prefix)) {
        const object = { key, versions };
        if (versions.length > 0 && hidesContent(object) && !showsFirst(object)) yield { key, ...describeHiding(object) };
      }
    },
    versions: {
      areKept: async () => true,
      async *list(prefix) {
        for (const [, versions] of listed(prefix)) yield* versions;
      },
      async get({ key, versionId }) {
        const found = (kept.get(key) ?? []).find((version) => version.versionId === versionId && !version.isMarker);
        if (found === undefined) throw new HoldfastError("ObjectNotFound", `there is no version ${versionId} of ${key}`);
        const object = { key, bytes: found.bytes, modifiedAt: found.modifiedAt, etag: versionId };
        return { object, body: Readable.from([found.content], { objectMode: false }) };
      },
      async remove({ key, versionId }) {
        if (!rights.remove) refuse(`delete version ${versionId} of ${key}`);
        const left = (kept.get(key) ?? []).filter((version) => version.versionId !== versionId);
        kept.set(
          key,
          left.map((version, index) => ({ ...version, isLatest: index === 0 })),
        );
        show(key);
        return undefined;
      },
    },
  };
}
