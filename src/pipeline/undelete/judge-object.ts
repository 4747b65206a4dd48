/**
 * Which versions of a single object are genuine, by what its name or its backup's manifest says.
 */
import { createHash } from "node:crypto";
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import { openDigestKey } from "../../sealing/digest-key.ts";
import { maxSmallMessageBytes } from "../../sealing/small-message.ts";
import { readAuditEntry } from "../../vault/audit-trail.ts";
import { maxSmallDocumentBytes } from "../../vault/documents/read-document.ts";
import { readSmall } from "../../vault/documents/read-small.ts";
import { readErasureEntry } from "../../vault/erasure-ledger.ts";
import { type BackupPlace, parseAuditKey, parseErasureKey, type SignedKey } from "../../vault/layout.ts";
import type { ObjectStore, ObjectVersion } from "../../vault/object-store.ts";
import { judgeName, matchesName } from "../../vault/signed-documents.ts";
import type { VersionedObject } from "../../vault/undelete/choose-version.ts";
import { viewVersion } from "../../vault/undelete/version-view.ts";
import type { SignedVault } from "../../vault/vault.ts";
import { openingKeysFor } from "../opening/opening-keys.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import type { VersionedStore } from "./hidden-objects.ts";
import { contentOf, type StoredArtifact } from "./judge-backup.ts";

/** Asks of each version whether it is genuine; one that cannot be read is not. */
async function filterVersions(
  object: VersionedObject,
  { store, versions }: VersionedStore,
  isGenuine: (view: ObjectStore, version: ObjectVersion) => Promise<boolean>,
): Promise<Set<string>> {
  const genuine = new Set<string>();
  for (const version of contentOf(object)) {
    try {
      if (await isGenuine(viewVersion(store, versions, version), version)) genuine.add(version.versionId);
    } catch (error) {
      if (!isHoldfastError(error, "VaultInvalid", "ObjectNotFound", "ArtifactArchived")) throw error;
    }
  }
  return genuine;
}

/**
 * Of evidence, a hold or a tombstone: what was signed, byte for byte. Errors: those of the store.
 */
export async function judgeSigned(
  vault: SignedVault,
  versioned: VersionedStore,
  object: VersionedObject,
  name: SignedKey,
): Promise<Set<string>> {
  if (judgeName(vault, name) === "forged") return new Set();
  return filterVersions(object, versioned, async (view) => {
    const { bytes } = await readSmall(view, object.key, maxSmallDocumentBytes);
    return matchesName(name, bytes);
  });
}

/** Of an entry of the audit trail. Errors: those of the store. */
export function judgeAudit(vault: SignedVault, versioned: VersionedStore, object: VersionedObject): Promise<Set<string>> {
  const number = parseAuditKey(object.key) ?? 0;
  return filterVersions(object, versioned, async (view) => {
    const read = await readAuditEntry({ ...vault, store: view }, number);
    return read !== undefined && !("problem" in read);
  });
}

/** Of an entry of an erasure ledger. Errors: those of the store. */
export async function judgeErasure(vault: SignedVault, versioned: VersionedStore, object: VersionedObject): Promise<Set<string>> {
  const place = parseErasureKey(object.key);
  if (place === undefined) return new Set();
  return filterVersions(object, versioned, async (view) => {
    const read = await readErasureEntry({ ...vault, store: view }, place.source, place.number);
    return read !== undefined && !("problem" in read);
  });
}

/** Of a backup's digest key. Errors: those of the keys and of the store. */
export async function judgeDigestKey(
  context: PipelineContext,
  vaultId: string,
  versioned: VersionedStore,
  object: VersionedObject,
  { source, id, digestKeyId }: BackupPlace & { readonly digestKeyId: string },
): Promise<Set<string>> {
  const keys = await openingKeysFor(context, source);
  return filterVersions(object, versioned, async (view) => {
    const { bytes } = await readSmall(view, object.key, maxSmallMessageBytes);
    const opened = await openDigestKey(bytes, digestKeyId, { keys, context: { vaultId, source, backupId: id } });
    return !("problem" in opened);
  });
}

/**
 * Of an artifact. Where one version alone has the size that the manifest names, that is the one: it
 * is read back when it is there again, and to read it twice would take twice as long. Of several,
 * the digests decide. Errors: those of the store.
 */
export async function judgeArtifact(
  versioned: VersionedStore,
  object: VersionedObject,
  { bytes, sha256 }: StoredArtifact,
  signal: AbortSignal,
): Promise<Set<string>> {
  const fitting = contentOf(object).filter((version) => version.bytes === bytes);
  if (fitting.length < 2) return new Set(fitting.map(({ versionId }) => versionId));
  return filterVersions({ ...object, versions: fitting }, versioned, async (view) => {
    const hash = createHash("sha256");
    const { body } = await view.get(object.key, { signal });
    for await (const chunk of body as AsyncIterable<Uint8Array>) hash.update(chunk);
    return hash.digest("hex") === sha256;
  });
}
