/**
 * The port to wherever a vault's objects are kept. Adapters: folder-store.ts, s3-store.ts; both run
 * the contract suite test/vault/object-store.contract.ts. Cross-cutting behaviour (faults, limits)
 * is a decorator of this port.
 *
 * Keys are UTF-8, `/`-separated, without empty, `.` or `..` segments.
 */
import type { Readable } from "node:stream";
import type { Clock } from "../runtime/clock.ts";

export interface ObjectStat {
  readonly key: string;
  readonly bytes: number;
  readonly modifiedAt: Date;
}

/** A name in a listing. */
export interface ListedObject extends ObjectStat {
  /**
   * What stands there instead of an object (`a symbolic link`, `a named pipe`): in a folder, where
   * others can put anything.
   */
  readonly odd?: string;
}

export interface ListOptions {
  readonly startAfter?: string;
  readonly signal?: AbortSignal | undefined;
  /**
   * Lists what is no object too, as `odd`. Otherwise such a listing ends with VaultInvalid, after
   * everything else.
   */
  readonly includeOdd?: boolean;
}

/** What keeps an object from being deleted or overwritten for good, by anyone. */
export interface ObjectLock {
  /**
   * Until when; absent without such a lock, and where the store refuses without saying until when.
   */
  readonly until?: Date | undefined;
  /** Under the store's legal hold, which ends only when it is lifted. */
  readonly held: boolean;
}

/** An archive that an object must be brought back from before it can be read. */
export interface Archive {
  /** The store's own name for it. */
  readonly tier: string;
  /** How long that takes at most, once it was asked for. */
  readonly thawHours: number;
  /** It was asked for, and is under way. */
  readonly thawing: boolean;
}

export interface StoredObject extends ObjectStat {
  /** Opaque version of the content, for `ifMatch`. */
  readonly etag: string;
  /** As far as the store tells this identity; a lock that has ended may still be told of. */
  readonly lock?: ObjectLock;
  /** Absent where the object can be read at once; told by `head` alone. */
  readonly archive?: Archive;
}

/** An object whose content others deleted or wrote over, while the store still has it. */
export interface HiddenObject {
  readonly key: string;
  readonly by: "deletion" | "overwriting";
  readonly hiddenAt: Date;
}

/** One version of an object's content, or a delete marker over what is below it. */
export interface ObjectVersion {
  readonly key: string;
  readonly versionId: string;
  readonly isMarker: boolean;
  /** Whether it is what a reader of the key meets. */
  readonly isLatest: boolean;
  /** 0 for a marker. */
  readonly bytes: number;
  /** Equal content may have different ones, and other content never has the same. */
  readonly etag: string;
  /** When it was written, by the store's own time. */
  readonly modifiedAt: Date;
}

/** Older content that a store keeps below what was written or deleted since. */
export interface ObjectVersions {
  /** Whether the store keeps any; undefined where it does not say. */
  areKept(): Promise<boolean | undefined>;

  /**
   * All versions and markers below `prefix`: by ascending key, and each key's newest first. Errors:
   * StoreAccessDenied, StoreUnavailable, VaultInvalid (a server without versions).
   */
  list(prefix: string): AsyncIterable<ObjectVersion>;

  /** The bytes of one version; `lock` is that version's. Errors: those of ObjectStore.get. */
  get(
    version: Pick<ObjectVersion, "key" | "versionId">,
    options?: { readonly signal?: AbortSignal },
  ): Promise<{ object: StoredObject; body: Readable }>;

  /**
   * Removes one version or marker that was listed for good. Resolves with the lock that keeps it.
   * Errors: StoreAccessDenied, StoreUnavailable, VaultInvalid.
   */
  remove(version: Pick<ObjectVersion, "key" | "versionId">): Promise<ObjectLock | undefined>;
}

/** What a look at the place found, for `holdfast check`. */
export interface StoreFinding {
  readonly level: "ok" | "warning" | "error";
  readonly subject: string;
  readonly message: string;
  readonly remedy?: string;
}

export interface PutOptions {
  /**
   * Create only: fails with ObjectExists when the key is there. One of several racing writers wins.
   */
  readonly ifAbsent?: boolean;
  /**
   * Replace only this version: fails with StoreConflict when the key is gone or has another etag.
   */
  readonly ifMatch?: string | undefined;
  readonly signal?: AbortSignal;
  /** Lock it until then. VaultInvalid where the store has no `locks`. */
  readonly retainUntil?: Date | undefined;
  /**
   * What it replaces is worth nothing: where the store keeps versions and this identity may delete
   * them, only the newest stays.
   */
  readonly dropVersions?: boolean;
  /**
   * Store it in parts, however small it is: `holdfast check` tries whether the store can do that.
   */
  readonly inParts?: boolean;
  /**
   * Labels that the store's own lifecycle rules go by; a store without such rules passes them over.
   */
  readonly tags?: Readonly<Record<string, string>>;
}

/** The abilities of a store that locks. */
export interface ObjectLocks {
  /**
   * Makes the object's lock last until `until` at least; never shortens one. Resolves with whether
   * the lock had to be changed. Idempotent.
   * Errors: ObjectNotFound, StoreUnavailable, StoreAccessDenied.
   */
  extendRetention(key: string, until: Date): Promise<boolean>;

  /**
   * Puts the object under the store's legal hold, or lifts it, then of all its versions.
   * Idempotent. Errors: as extendRetention.
   */
  legalHold(key: string, on: boolean): Promise<void>;
}

export interface ObjectStore {
  /** For messages: `folder:/srv/vault`, `s3://bucket/prefix`. */
  readonly url: string;

  /**
   * What it can do with locks; absent where it does not lock. A folder never does; a bucket where
   * the policy says so.
   */
  readonly locks?: ObjectLocks | undefined;

  /** What lies below deletions and newer writes; absent where there can be nothing: in a folder. */
  readonly versions?: ObjectVersions | undefined;

  /**
   * Stores `body` under `key`, entirely or not at all: when the promise rejects (the body failed,
   * the signal was aborted, the store failed) nothing is visible under the key and no partial
   * upload is left behind, short of the death of this process; what was stored but could not be
   * locked as asked stays, and is an error.
   * A Uint8Array body may be sent again on a transient failure; a stream's bytes are retried part
   * by part. Resolves only once the bytes are durable.
   * Errors: ObjectExists, StoreConflict, StoreUnavailable, StoreAccessDenied, DiskFull; an error of
   * the body's own is rethrown as it is.
   */
  put(key: string, body: Uint8Array | AsyncIterable<Uint8Array>, options?: PutOptions): Promise<{ etag: string; bytes: number }>;

  /**
   * The object's bytes, from `range.start` to `range.end` (inclusive) where given. The stream fails
   * with StoreUnavailable when the connection is cut before all bytes came. Errors: ObjectNotFound,
   * StoreUnavailable, StoreAccessDenied.
   */
  get(
    key: string,
    options?: { range?: { start: number; end: number }; signal?: AbortSignal },
  ): Promise<{ object: StoredObject; body: Readable }>;

  /** The object's figures, or undefined when there is none. */
  head(key: string): Promise<StoredObject | undefined>;

  /**
   * All objects whose key starts with `prefix`, by ascending key (UTF-8 bytes), page by page:
   * memory does not grow with their number.
   */
  list(prefix: string, options?: ListOptions): AsyncIterable<ListedObject>;

  /**
   * Deletes the object for good, with all versions that the store keeps of it; no error when there
   * is none. Resolves with the lock that kept it from being deleted, and then leaves it as visible
   * or hidden as it was; with undefined when nothing is left.
   * Errors: StoreUnavailable, StoreAccessDenied.
   */
  delete(key: string): Promise<ObjectLock | undefined>;

  /**
   * Objects below `prefix` that were deleted or written over and whose older content the store
   * still has, by ascending key, each once. `delete` leaves none, and what a backup consists of is
   * written once: there, each was made outside Holdfast. Nothing where the store keeps no versions.
   * Errors: StoreUnavailable, StoreAccessDenied.
   */
  listHidden(prefix: string): AsyncIterable<HiddenObject>;

  /**
   * Looks at the place's own settings: whether they are as safe as a vault needs them. Changes
   * nothing. Errors: StoreUnavailable.
   */
  inspect(clock: Clock): Promise<readonly StoreFinding[]>;

  /**
   * Takes back what uploads that died with their process left behind and that is older than
   * `olderThan`: partial files, incomplete multipart uploads. Returns how many.
   */
  abortStaleUploads(olderThan: Date): Promise<number>;

  /** Releases connections. */
  close(): void;
}

/**
 * The whole of a small object. Errors: those of `get`, and VaultInvalid when it is larger than
 * `maximumBytes`.
 */
export type ReadSmall = (store: ObjectStore, key: string, maximumBytes?: number) => Promise<{ bytes: Uint8Array; etag: string }>;
