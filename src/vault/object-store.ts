/**
 * The port to wherever a vault's objects are kept. Adapters: folder-store.ts, s3-store.ts; both run the contract
 * suite test/vault/object-store.contract.ts. Cross-cutting behaviour (faults, limits) is a decorator of this port.
 *
 * Keys are UTF-8, `/`-separated, without empty, `.` or `..` segments.
 */
import type { Readable } from "node:stream";

export interface ObjectStat {
  readonly key: string;
  readonly bytes: number;
  readonly modifiedAt: Date;
}

export interface StoredObject extends ObjectStat {
  /** Opaque version of the content, for `ifMatch`. */
  readonly etag: string;
}

export interface PutOptions {
  /** Create only: fails with ObjectExists when the key is there. One of several racing writers wins. */
  readonly ifAbsent?: boolean;
  /** Replace only this version: fails with StoreConflict when the key is gone or has another etag. */
  readonly ifMatch?: string;
  readonly signal?: AbortSignal;
}

export interface ObjectStore {
  /** For messages: `folder:/srv/vault`, `s3://bucket/prefix`. */
  readonly url: string;

  /**
   * Stores `body` under `key`, wholly or not at all: when the promise rejects (the body failed, the signal was aborted,
   * the store failed) nothing is visible under the key and no partial upload is left behind, short of the death of this process.
   * A Uint8Array body may be sent again on a transient failure; a stream's bytes are retried part by part.
   * Resolves only once the bytes are durable.
   * Errors: ObjectExists, StoreConflict, StoreUnavailable, StoreAccessDenied, DiskFull; an error of the body's own is rethrown as it is.
   */
  put(key: string, body: Uint8Array | AsyncIterable<Uint8Array>, options?: PutOptions): Promise<{ etag: string; bytes: number }>;

  /**
   * The object's bytes, from `range.start` to `range.end` (inclusive) where given. The stream fails with StoreUnavailable when the
   * connection is cut before all bytes came. Errors: ObjectNotFound, StoreUnavailable, StoreAccessDenied.
   */
  get(
    key: string,
    options?: { range?: { start: number; end: number }; signal?: AbortSignal },
  ): Promise<{ object: StoredObject; body: Readable }>;

  /** The object's figures, or undefined when there is none. */
  head(key: string): Promise<StoredObject | undefined>;

  /** All objects whose key starts with `prefix`, by ascending key (UTF-8 bytes), page by page: memory does not grow with their number. */
  list(prefix: string, options?: { startAfter?: string; signal?: AbortSignal }): AsyncIterable<ObjectStat>;

  /** Deletes the object; no error when there is none. Errors: StoreUnavailable, StoreAccessDenied. */
  delete(key: string): Promise<void>;

  /**
   * Takes back what uploads that died with their process left behind and that is older than `olderThan`: partial files, incomplete
   * multipart uploads. Returns how many.
   */
  abortStaleUploads(olderThan: Date): Promise<number>;

  /** Releases connections. */
  close(): void;
}

/** The whole of a small object. Errors: those of `get`, and VaultInvalid when it is larger than `maximumBytes`. */
export type ReadSmall = (store: ObjectStore, key: string, maximumBytes?: number) => Promise<{ bytes: Uint8Array; etag: string }>;
