/** The manifest: the JSON that commits a backup. Its format is docs/vault-format.md, "Manifest". */
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import type { BackupKind } from "../../policy/policy.ts";
import type { Notice } from "../../proof/content.ts";
import type { Coverage } from "../../proof/position.ts";
import type { RecordedSourceCheck } from "../../proof/recorded-digest.ts";
import { keyOf } from "../layout.ts";
import type { ObjectLock, ObjectStore } from "../object-store.ts";
import { canonicalJson, sha256Hex } from "./canonical-json.ts";
import { findManifestProblem } from "./check-manifest.ts";
import type { Shape } from "./json-shape.ts";
import { parseDocument } from "./parse-document.ts";
import { type ReadDocument, readDocument } from "./read-document.ts";
import { readSmall } from "./read-small.ts";

export interface ArtifactRecord {
  readonly name: string;
  readonly role: string;
  readonly format: string;
  /** Done by sealing; undone after unsealing and before `format`'s tool. */
  readonly compression: "none" | "zstd";
  readonly keyId: string;
  /** What is inside the seal: after compression, before encryption. */
  readonly plainBytes: number;
  /** Its SHA-256 under the backup's digest key (sealing/digest-key.ts). */
  readonly plainDigest: string;
  /** The object as it stands in the vault. */
  readonly storedBytes: number;
  readonly storedSha256: string;
  /**
   * The backup that stored the object, where an earlier one did: its place and its seal's context
   * are that backup's (artifact-place.ts). Always the one that stored it, never one that reused it.
   */
  readonly reusedFrom?: string;
}

/** What a backup builds on. The hash tells a base that was swapped or altered. */
export interface BackupBase {
  readonly id: string;
  /** Of its manifest's bytes. */
  readonly manifestSha256: string;
}

export interface Manifest {
  readonly formatVersion: 2;
  readonly id: string;
  readonly source: string;
  readonly engine: string;
  readonly kind: BackupKind;
  /** The backup this one builds on, of the same source; null for one that stands alone. */
  readonly base: BackupBase | null;
  readonly coverage: Coverage;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly notices: readonly Notice[];
  readonly artifacts: readonly ArtifactRecord[];
  readonly sourceCheck: RecordedSourceCheck;
  /** Names the digest key that lies beside the artifacts. */
  readonly digestKeyId: string;
  readonly policySha256: string;
  readonly holdfastVersion: string;
}

/** A manifest that was read and obeys the format, with the SHA-256 of its bytes. */
export interface ReadManifest {
  readonly manifest: Manifest;
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

/**
 * The bytes that `commitManifest` writes, and their SHA-256. Errors: Internal, when the manifest
 * breaks the format.
 */
export function encodeManifest(manifest: Manifest): { readonly bytes: Uint8Array; readonly sha256: string } {
  const problem = findManifestProblem(manifest);
  if (problem !== undefined) throw new HoldfastError("Internal", `a manifest that breaks the format was to be written: ${problem}`);
  const bytes = canonicalJson(manifest);
  const unreadable = parseDocument(bytes).problem;
  if (unreadable !== undefined)
    throw new HoldfastError("Internal", `a manifest that no reader takes was to be written: it ${unreadable}`);
  return { bytes, sha256: sha256Hex(bytes) };
}

/**
 * Commits a backup: writes its manifest as canonical JSON where none is, reads it back and
 * compares. Written last, after every artifact. Idempotent: when the very same bytes are already
 * there, that is success. `sha256` is that of the bytes, for evidence.
 * Errors: ObjectExists (another manifest has this id), ManifestDamaged (the store gave back other
 * bytes), Internal (the manifest breaks the format), those of ObjectStore. After StoreUnavailable
 * it may have been committed: `head` of the key tells.
 */
export async function commitManifest(
  store: ObjectStore,
  manifest: Manifest,
  options: { readonly signal?: AbortSignal; readonly retainUntil?: Date } = {},
): Promise<{ sha256: string }> {
  const key = keyOf.manifest(manifest.source, manifest.id);
  const { bytes, sha256 } = encodeManifest(manifest);
  let exists: unknown;
  try {
    await store.put(key, bytes, { ...options, ifAbsent: true });
  } catch (error) {
    if (!isHoldfastError(error, "ObjectExists")) throw error;
    exists = error;
  }
  const stored = await readSmall(store, key);
  if (Buffer.compare(stored.bytes, bytes) !== 0) {
    throw exists ?? new HoldfastError("ManifestDamaged", `${store.url} gave back other bytes for ${key} than were just written`);
  }
  return { sha256 };
}

/**
 * Reads and checks a manifest: that it is canonical JSON, obeys the format, and belongs to the key
 * it stands under. Whether it was made with the vault's key is not asked: what decides by a
 * manifest reads it through pipeline/opening/authentic-manifest.ts.
 * Errors: BackupNotFound, ManifestDamaged, VaultInvalid (written by a newer Holdfast), those of
 * ObjectStore.get.
 */
export async function readManifest(store: ObjectStore, source: string, id: string): Promise<ReadManifest> {
  const key = keyOf.manifest(source, id);
  let document: ReadDocument<Manifest>;
  try {
    document = await readDocument(store, key, {
      name: "manifest",
      shape: findManifestProblem as Shape<Manifest>,
      error: "ManifestDamaged",
    });
  } catch (error) {
    if (!isHoldfastError(error, "ObjectNotFound")) throw error;
    throw new HoldfastError("BackupNotFound", `source "${source}" has no backup ${id} in ${store.url}`, { cause: error });
  }
  const { bytes } = document;
  const manifest = checkManifest(document);
  if (manifest.source !== source || manifest.id !== id) {
    throw new HoldfastError(
      "ManifestDamaged",
      `${key} in ${store.url} is the manifest of ${manifest.id} of source "${manifest.source}"`,
    );
  }
  return { manifest, sha256: sha256Hex(bytes), bytes };
}

/**
 * Un-commits a backup: from here on its artifacts are leftovers. Idempotent. Resolves with the lock
 * that forbids it. Errors: those of ObjectStore.delete.
 */
export async function removeManifest(store: ObjectStore, source: string, id: string): Promise<ObjectLock | undefined> {
  return store.delete(keyOf.manifest(source, id));
}

function checkManifest({ value, bytes, where }: ReadDocument<Manifest>): Manifest {
  // Whatever parses to the same value but was not written by Holdfast (spaces, a name twice) has
  // been edited.
  if (Buffer.compare(canonicalJson(value), bytes) !== 0) {
    throw new HoldfastError("ManifestDamaged", `${where} is not in canonical form: it was edited or damaged`);
  }
  return value;
}
