/** Which versions of a backup's manifest and seal are its own, and what the manifest names. */
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import { openManifestSeal } from "../../sealing/manifest-seal.ts";
import { maxSmallMessageBytes } from "../../sealing/small-message.ts";
import { placeOf } from "../../vault/artifact-place.ts";
import { type Manifest, readManifest } from "../../vault/documents/manifest.ts";
import { readSmall } from "../../vault/documents/read-small.ts";
import { type BackupPlace, keyOf } from "../../vault/layout.ts";
import type { ObjectVersion } from "../../vault/object-store.ts";
import { chooseManifest, type VersionedObject, type Vouching } from "../../vault/undelete/choose-version.ts";
import { viewVersion } from "../../vault/undelete/version-view.ts";
import { openingKeysFor } from "../opening/opening-keys.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import type { VersionedStore } from "./hidden-objects.ts";

/** Versions of one key that are read at most: of those that the store has had longest. */
const maxReadVersions = 100;

/** What must be stored under an artifact's key. */
export interface StoredArtifact {
  readonly sha256: string;
  readonly bytes: number;
}

export interface JudgedBackup extends BackupPlace {
  /** Ids of the versions that are genuine; empty where none is. */
  readonly manifests: ReadonlySet<string>;
  readonly seals: ReadonlySet<string>;
  /** Of the genuine manifest. */
  readonly manifest?: Pick<Manifest, "base" | "digestKeyId"> & { readonly artifacts: ReadonlyMap<string, StoredArtifact> };
  /** Why there is no genuine manifest: completes "its manifest …". */
  readonly problem?: string;
}

export interface JudgeOptions extends VersionedStore {
  readonly vaultId: string;
  readonly historyOf: (key: string) => Promise<VersionedObject>;
}

/** The versions of an object with content, newest first; of very many those that are oldest. */
export function contentOf({ versions }: VersionedObject): ObjectVersion[] {
  return versions.filter(({ isMarker }) => !isMarker).slice(-maxReadVersions);
}

/**
 * Judges a backup by its manifest and seal, whatever version they are. Errors: those of
 * ObjectVersions. What no key opens here, and what others wrote, is a `problem`.
 */
export async function judgeBackup(context: PipelineContext, place: BackupPlace, options: JudgeOptions): Promise<JudgedBackup> {
  const none = { ...place, manifests: new Set<string>(), seals: new Set<string>() };
  const { historyOf } = options;
  const read = new Map<string, { readonly manifest: Manifest; readonly vouching: Vouching }>();
  for (const version of contentOf(await historyOf(keyOf.manifest(place.source, place.id)))) {
    const found = await readVersion(version, place, options);
    if (found !== undefined) read.set(version.versionId, { manifest: found.manifest, vouching: { version, sha256: found.sha256 } });
  }
  if (read.size === 0) return { ...none, problem: "is gone: no version of it can be read" };
  const opened = await openSeals(context, place, options);
  if ("problem" in opened) return { ...none, problem: opened.problem };
  const manifests = [...read.values()].map(({ vouching }) => vouching);
  const chosen = chooseManifest(manifests, opened.seals);
  const genuine = manifests.filter(({ sha256 }) => sha256 === chosen);
  const manifest = genuine[0] === undefined ? undefined : read.get(genuine[0].version.versionId)?.manifest;
  if (manifest === undefined) return { ...none, problem: "was not made with this vault's key, in any version" };
  return {
    ...place,
    manifests: idsOf(genuine),
    seals: idsOf(opened.seals.filter(({ sha256 }) => sha256 === chosen)),
    manifest: { base: manifest.base, digestKeyId: manifest.digestKeyId, artifacts: artifactsOf(manifest) },
  };
}

function idsOf(found: readonly Vouching[]): Set<string> {
  return new Set(found.map(({ version }) => version.versionId));
}

function artifactsOf(manifest: Manifest): Map<string, StoredArtifact> {
  return new Map(
    manifest.artifacts.map((record) => [placeOf(manifest, record).key, { sha256: record.storedSha256, bytes: record.storedBytes }]),
  );
}

async function readVersion(version: ObjectVersion, { source, id }: BackupPlace, { store, versions }: VersionedStore) {
  try {
    return await readManifest(viewVersion(store, versions, version), source, id);
  } catch (error) {
    if (isHoldfastError(error, "ManifestDamaged", "VaultInvalid", "BackupNotFound")) return undefined;
    throw error;
  }
}

/** The seals that a key of the policy opens, and that were made for this very backup. */
async function openSeals(
  context: PipelineContext,
  { source, id }: BackupPlace,
  { store, versions, vaultId, historyOf }: JudgeOptions,
): Promise<{ readonly seals: readonly Vouching[] } | { readonly problem: string }> {
  const seals: Vouching[] = [];
  const key = keyOf.manifestSeal(source, id);
  let closed: string | undefined;
  for (const version of contentOf(await historyOf(key))) {
    try {
      const { bytes } = await readSmall(viewVersion(store, versions, version), key, maxSmallMessageBytes);
      const { sha256, context: made } = await openManifestSeal(bytes, await openingKeysFor(context, source));
      if (made.vaultId === vaultId && made.source === source && made.backupId === id) seals.push({ version, sha256 });
    } catch (error) {
      if (isHoldfastError(error, "KeyMissing", "KeyUnavailable", "KeyFileInvalid")) closed ??= error.message;
      else if (!isHoldfastError(error, "SealInvalid", "VaultInvalid", "ObjectNotFound")) throw error;
    }
  }
  if (seals.length === 0 && closed !== undefined) return { problem: `cannot be judged: ${closed}` };
  return seals.length === 0 ? { problem: "has no seal left, in any version" } : { seals };
}
