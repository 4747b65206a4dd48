/**
 * The backup whose artifacts a new one may name instead of storing them again, and the last look at
 * what it names before it is committed.
 */
import type { BackupReader } from "../../engines/backup-reader.ts";
import type { Engine } from "../../engines/engine.ts";
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import type { BackupKind, SourceConfig } from "../../policy/policy.ts";
import { mapInBatches } from "../../runtime/map-in-batches.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import { placeOf } from "../../vault/artifact-place.ts";
import type { BackupEntry } from "../../vault/catalogue.ts";
import type { ArtifactRecord, Manifest } from "../../vault/documents/manifest.ts";
import { keyOf, parseBackupId } from "../../vault/layout.ts";
import type { ObjectStore } from "../../vault/object-store.ts";
import type { Vault } from "../../vault/vault.ts";
import { listAnew } from "../catalogue/source-history.ts";
import { readAuthenticManifest } from "../opening/authentic-manifest.ts";
import { openingKeysFor } from "../opening/opening-keys.ts";
import { openBackup } from "../opening/read-backup.ts";
import type { PipelineContext } from "../pipeline-context.ts";

export interface ReuseBase {
  /** Its `artifacts` are those that may be reused. */
  readonly reader: BackupReader;
  /** How the new manifest names them, by their names. */
  readonly records: ReadonlyMap<string, ArtifactRecord>;
}

export interface NewBackup {
  readonly source: SourceConfig;
  readonly kind: BackupKind;
  readonly id: string;
  readonly startedAt: Date;
  /** Of the key that it is sealed with. */
  readonly keyId: string;
}

/**
 * Newest backups that are tried when their manifests cannot be relied on: with none, the new backup
 * stores everything.
 */
const maxTries = 3;
const dayMs = 86_400_000;

/**
 * The newest backup that the kind reuses from and that is not known to be damaged; undefined where
 * there is none, and for kinds that reuse nothing. It was made with the vault's key and by the same
 * engine. Of its artifacts only those may be reused that the new backup's key opens, that are in
 * the vault with the bytes that they were stored with, and that the bucket's lifecycle leaves where
 * they can be read. Errors: KeyUnavailable, KeyFileInvalid, those of ObjectStore.
 */
export async function findReuseBase(
  context: PipelineContext,
  vault: Vault,
  backup: NewBackup,
  engine: Engine,
): Promise<ReuseBase | undefined> {
  const from = backup.source.traits.reuses[backup.kind];
  if (from === undefined) return undefined;
  const candidates: BackupEntry[] = [];
  const { backups } = await listAnew(context, vault, backup.source.name);
  for (const entry of backups) {
    const suits = from === "latest" ? entry.kind !== "log" : entry.kind === "full";
    if (suits && entry.id < backup.id && entry.state !== "damaged") candidates.push(entry);
  }
  for (const { id } of candidates.reverse().slice(0, maxTries)) {
    const base = await tryBase(context, vault, backup, engine, id);
    if (base !== undefined) return base;
  }
  return undefined;
}

async function tryBase(
  context: PipelineContext,
  vault: Vault,
  backup: NewBackup,
  engine: Engine,
  id: string,
): Promise<ReuseBase | undefined> {
  const { source } = backup;
  try {
    const { manifest } = await readAuthenticManifest(context, vault, source.name, id);
    if (manifest.engine !== source.engine) return undefined;
    const { reader } = openBackup(vault, await openingKeysFor(context, source.name), manifest, engine, context.run, {});
    const records = await findReusable(vault, manifest, backup);
    return { records, reader: { ...reader, artifacts: reader.artifacts.filter(({ name }) => records.has(name)) } };
  } catch (error) {
    if (!isHoldfastError(error, "ManifestDamaged", "BackupNotFound", "VaultInvalid", "ContentInvalid", "KeyMissing")) throw error;
    context.run.log.warn(`nothing is reused of ${id}: ${error.message}`);
    return undefined;
  }
}

async function findReusable(vault: Vault, manifest: Manifest, { keyId, startedAt }: NewBackup) {
  const earliestMs = startedAt.getTime() - maxReusedAgeMs(vault);
  const records = manifest.artifacts
    .filter((record) => record.keyId === keyId)
    // The one that stored it, not one that named it since: no reader has to follow names.
    .map((record) => ({ ...record, reusedFrom: placeOf(manifest, record).storedBy }))
    .filter(({ reusedFrom }) => (parseBackupId(reusedFrom)?.startedAt.getTime() ?? 0) > earliestMs);
  const missing = new Set((await findMissing(vault.store, manifest.source, records)).map(({ name }) => name));
  return new Map(records.flatMap((record) => (missing.has(record.name) ? [] : [[record.name, record]])));
}

/**
 * What the lifecycle moves to its archive cannot be read for hours. Reused for half of that time at
 * most, an object can be read while the backup that names it is young.
 */
function maxReusedAgeMs({ config }: Vault): number {
  const days = config.type === "s3" ? config.tiers?.archiveDays : undefined;
  return days === undefined ? Number.POSITIVE_INFINITY : (days * dayMs) / 2;
}

type ReusedRecord = ArtifactRecord & { readonly reusedFrom: string };

/**
 * Those that are not in the vault with their bytes. One listing for each backup that stored some.
 */
async function findMissing(store: ObjectStore, source: string, records: readonly ReusedRecord[]): Promise<ReusedRecord[]> {
  const storers = [...new Set(records.map(({ reusedFrom }) => reusedFrom))];
  const found = new Map<string, number>();
  await mapInBatches(storers, async (id) => {
    for await (const { key, bytes, odd } of store.list(keyOf.artifact(source, id, ""), { includeOdd: true })) {
      if (odd === undefined) found.set(key, bytes);
    }
  });
  return records.filter((record) => found.get(keyOf.artifact(source, record.reusedFrom, record.name)) !== record.storedBytes);
}

/**
 * The last look before a manifest is committed: everything that it reuses is in the vault with its
 * bytes, and locked until `retainUntil` where the vault locks. Under the source's lease nothing
 * vanishes after it. Errors: ArtifactMissing, those of ObjectStore.
 */
export async function secureReused(
  store: ObjectStore,
  source: string,
  artifacts: readonly ArtifactRecord[],
  { retainUntil, run }: { readonly retainUntil?: Date | undefined; readonly run: RunContext },
): Promise<void> {
  const reused = artifacts.flatMap(({ reusedFrom, ...record }) => (reusedFrom === undefined ? [] : { ...record, reusedFrom }));
  if (retainUntil !== undefined) {
    const lock = async ({ name, reusedFrom }: ReusedRecord) => {
      await store.locks?.extendRetention(keyOf.artifact(source, reusedFrom, name), retainUntil);
    };
    await mapInBatches(reused, lock, run.signal);
  }
  const [missing] = await findMissing(store, source, reused);
  if (missing === undefined) return;
  const key = keyOf.artifact(source, missing.reusedFrom, missing.name);
  throw new HoldfastError(
    "ArtifactMissing",
    `${key} in ${store.url} was removed, or is another, since this backup began to reuse it`,
    {
      hint: "Find out who deletes in the vault, and make the backup again: it stores what is missing.",
    },
  );
}
