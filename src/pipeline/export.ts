/**
 * The step that copies one backup, with all that is needed to restore it, into a folder for offline
 * media.
 */

import { createHash } from "node:crypto";
import { HoldfastError, isHoldfastError } from "../errors/holdfast-error.ts";
import { ledgerSourceOf } from "../policy/safety-series.ts";
import { placeOf } from "../vault/artifact-place.ts";
import { type ArtifactRecord, commitManifest, type Manifest, readManifest } from "../vault/documents/manifest.ts";
import { readSmall } from "../vault/documents/read-small.ts";
import { initVault } from "../vault/documents/vault.ts";
import { findBackup } from "../vault/find-backup.ts";
import { keyOf } from "../vault/layout.ts";
import type { ObjectStore } from "../vault/object-store.ts";
import { tryToRecord } from "./audit/record-action.ts";
import type { FoundBackup } from "./catalogue/find-backups.ts";
import { whileReading } from "./catalogue/with-read-mark.ts";
import { recordingDamage } from "./damage/record-damage.ts";
import { isExported, readBasesOf } from "./export/export-bases.ts";
import { writeInstructions } from "./export/vault-instructions.ts";
import { readAuthenticManifest } from "./opening/authentic-manifest.ts";
import { storedBytesOf } from "./opening/open-chain.ts";
import type { PipelineContext } from "./pipeline-context.ts";

export interface ExportResult {
  readonly backupId: string;
  /** What it builds on, in the order of restoring; copied as well, unless it was there. */
  readonly buildsOn: readonly string[];
  readonly directory: string;
  readonly objects: number;
  readonly bytes: number;
  /** Entries of the source's erasure ledger, as it is now: a restore from there replays them. */
  readonly erasures: number;
  /** Evidence, or the digest key, that could not be copied, and why: the copy lacks it. */
  readonly notCopied: readonly string[];
}

/**
 * Copies a backup, and all that it builds on, into `directory`, which becomes (or already is) a
 * folder vault of its own: the same layout, the instructions, the manifest last, every artifact's
 * checksum compared on the way. The key is not part of it. A failed export removes what it copied;
 * what one that died left there is replaced.
 * Errors: ArtifactDamaged, ArtifactMissing, ObjectExists (already exported there), DiskFull, those
 * of both stores.
 */
export async function exportBackup(context: PipelineContext, found: FoundBackup, directory: string): Promise<ExportResult> {
  const { source, id: backupId } = found.entry;
  await tryToRecord(context, found.vault, { action: "backup.exported", source, backupId, details: { to: directory } });
  return whileReading(context, found, "export", () => recordingDamage(context, found, () => copyBackup(context, found, directory)));
}

async function copyBackup(context: PipelineContext, found: FoundBackup, directory: string): Promise<ExportResult> {
  const manifest = await readForExport(context, found);
  const bases = await readBasesOf(found.vault.store, manifest);
  const { openStore } = await import("../vault/open-store.ts");
  const copy = await openStore({ name: "export", type: "folder", path: directory }, { clock: context.run.clock });
  try {
    await beginCopy(context, copy, found.vault.id);
    await prepareCopy(copy, manifest.source, manifest.id);
    const missing: Manifest[] = [];
    for (const base of bases) if (!(await isExported(copy, base))) missing.push(base.manifest);
    context.run.progress.phase("export", storedBytesOf([...missing, manifest]));
    const copied: Awaited<ReturnType<typeof copyObjects>>[] = [];
    // What is built on comes first: a run that dies leaves backups that are whole.
    for (const base of missing) copied.push(await copyBase(context, found, copy, base));
    copied.push(await copyObjects(context, found, copy, manifest));
    const ledger = await copyErasures(context, found, copy);
    return {
      backupId: manifest.id,
      buildsOn: bases.map((base) => base.manifest.id),
      directory,
      objects: copied.reduce((sum, { objects }) => sum + objects, ledger.objects),
      erasures: ledger.objects,
      bytes: copied.reduce((sum, { bytes }) => sum + bytes, 0),
      notCopied: [...copied.flatMap(({ notCopied }) => notCopied), ...ledger.notCopied],
    };
  } finally {
    copy.close();
  }
}

async function copyBase(context: PipelineContext, { vault }: FoundBackup, copy: ObjectStore, manifest: Manifest) {
  const { source, id } = manifest;
  const found = { vault, entry: await findBackup(vault, `${source}/${id}`, context.run.clock.now()) };
  return recordingDamage(context, found, async () => {
    await prepareCopy(copy, source, id);
    return copyObjects(context, found, copy, manifest);
  });
}

/**
 * A machine that carries backups away need not have the key; then nobody can tell here whether the
 * manifest is genuine, and that is said.
 */
async function readForExport(context: PipelineContext, found: FoundBackup): Promise<Manifest> {
  const { source, id } = found.entry;
  try {
    return (await readAuthenticManifest(context, found.vault, source, id)).manifest;
  } catch (error) {
    if (!isHoldfastError(error, "KeyMissing", "KeyUnavailable", "KeyFileInvalid")) throw error;
    const read = await readManifest(found.vault.store, source, id);
    context.run.log.warn(`whether ${id} was made with the vault's key was not checked: ${error.message}`);
    return read.manifest;
  }
}

/**
 * What is copied is sealed for the vault that it comes from: the copy is a vault with the same id,
 * and holds backups of no other.
 */
async function beginCopy({ run, holdfastVersion, engines }: PipelineContext, copy: ObjectStore, vaultId: string): Promise<void> {
  const { clock, randomBytes } = run;
  const made = await initVault(copy, {
    clock,
    randomBytes,
    vaultId,
    holdfastVersion,
    restoreInstructions: () => writeInstructions(engines),
  });
  if (made.vaultId === vaultId) return;
  throw new HoldfastError("UsageInvalid", `${copy.url} is a vault already, and not a copy of the one that this backup is in`, {
    hint: "Export to an empty folder, or to one that was exported to from the same vault.",
  });
}

async function copyObjects(context: PipelineContext, found: FoundBackup, copy: ObjectStore, manifest: Manifest) {
  const { source, id, artifacts } = manifest;
  const copied: string[] = [];
  try {
    let bytes = 0;
    for (const artifact of artifacts) bytes += await copyArtifact(context, found, copy, { manifest, artifact, copied });
    await copySeal(context, found, copy);
    const withoutDigestKey = await copyDigestKey(context, found, copy);
    const { objects: evidence, notCopied } = await copyEvidence(context, found, copy);
    context.run.signal.throwIfAborted();
    await commitCopy(copy, manifest);
    const own = artifacts.length + 3 - withoutDigestKey.length;
    return { objects: own + evidence, bytes, notCopied: [...withoutDigestKey, ...notCopied] };
  } catch (error) {
    // On a full disk above all: what is left there is of no use, and in the way.
    await removeUncommitted(copy, source, id, copied).catch((failure: unknown) => {
      context.run.log.warn("what a failed export copied is left there", { backupId: id, cause: String(failure) });
    });
    throw error;
  }
}

/** Where the copy's own store gives back other bytes, the backup is not to blame. */
async function commitCopy(copy: ObjectStore, manifest: Manifest): Promise<void> {
  try {
    await commitManifest(copy, manifest);
  } catch (error) {
    if (!isHoldfastError(error, "ManifestDamaged")) throw error;
    throw new HoldfastError("StoreUnavailable", error.message, { cause: error });
  }
}

/**
 * Without a manifest there, whatever else is there of this backup was left by an export that died.
 * Its artifacts are looked at one by one: other backups that were exported there may name them.
 */
async function prepareCopy(copy: ObjectStore, source: string, id: string): Promise<void> {
  if ((await copy.head(keyOf.manifest(source, id))) !== undefined) {
    throw new HoldfastError("ObjectExists", `backup ${id} of "${source}" is in ${copy.url} already`, {
      hint: "Use the copy that is there, or export to another folder.",
    });
  }
  await removeUncommitted(copy, source, id);
}

/**
 * Removes what only an uncommitted backup has: its seal, its evidence, and the artifacts that this
 * run copied.
 */
async function removeUncommitted(copy: ObjectStore, source: string, id: string, copied: readonly string[] = []): Promise<void> {
  if ((await copy.head(keyOf.manifest(source, id))) !== undefined) return;
  for (const key of [...copied, keyOf.manifestSeal(source, id), keyOf.digestKey(source, id)]) await copy.delete(key);
  for await (const { key } of copy.list(keyOf.evidencePrefix(source, id))) await copy.delete(key);
}

interface ArtifactCopy {
  readonly manifest: Manifest;
  readonly artifact: ArtifactRecord;
  /** Gets the key, once the copy is there. */
  readonly copied: string[];
}

async function copyArtifact(
  context: PipelineContext,
  { vault: { store } }: FoundBackup,
  copy: ObjectStore,
  { manifest, artifact, copied }: ArtifactCopy,
): Promise<number> {
  const { key } = placeOf(manifest, artifact);
  const { signal, progress } = context.run;
  // Exported before, with another backup or by an export that died.
  if ((await copy.head(key)) !== undefined) {
    if (await isWhole(copy, key, artifact)) return artifact.storedBytes;
    await copy.delete(key);
  }
  if ((await store.head(key)) === undefined) {
    throw new HoldfastError(
      "ArtifactMissing",
      `${artifact.name} of backup ${manifest.id} is not in the vault: ${store.url} has no ${key}`,
    );
  }
  const { body } = await store.get(key, { signal });
  const hash = createHash("sha256");
  async function* checked(): AsyncGenerator<Uint8Array> {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      hash.update(chunk);
      progress.advance(chunk.length);
      yield chunk;
    }
    // Thrown inside the body, so that the copy is not committed.
    if (hash.digest("hex") !== artifact.storedSha256) {
      throw new HoldfastError("ArtifactDamaged", `${key} is not what was written: its SHA-256 is not the manifest's`);
    }
  }
  const { bytes } = await copy.put(key, checked(), { ifAbsent: true, signal });
  copied.push(key);
  return bytes;
}

async function isWhole(copy: ObjectStore, key: string, { storedSha256 }: ArtifactRecord): Promise<boolean> {
  const { body } = await copy.get(key);
  const hash = createHash("sha256");
  for await (const chunk of body as AsyncIterable<Uint8Array>) hash.update(chunk);
  return hash.digest("hex") === storedSha256;
}

/** Where it is missing, the manifest was found to be damaged before. */
async function copySeal({ run }: PipelineContext, { entry, vault: { store } }: FoundBackup, copy: ObjectStore): Promise<void> {
  const key = keyOf.manifestSeal(entry.source, entry.id);
  const { body } = await store.get(key, { signal: run.signal });
  await copy.put(key, body, { ifAbsent: true, signal: run.signal });
}

/** Without it, the copy restores all the same; why it could not be copied. */
async function copyDigestKey({ run }: PipelineContext, { entry, vault }: FoundBackup, copy: ObjectStore): Promise<string[]> {
  const problem = await copyDocument(vault.store, copy, keyOf.digestKey(entry.source, entry.id));
  if (problem === undefined) return [];
  run.log.warn(`not exported: ${problem}; what was recorded of the backup's content cannot be compared with the copy's`);
  return [problem];
}

/** What was erased since must not come back from the copy either. An entry is never another. */
async function copyErasures({ run, policy }: PipelineContext, { entry, vault: { store } }: FoundBackup, copy: ObjectStore) {
  const notCopied: string[] = [];
  let objects = 0;
  for await (const { key, odd } of store.list(keyOf.erasurePrefix(ledgerSourceOf(policy, entry.source)), { includeOdd: true })) {
    run.signal.throwIfAborted();
    const problem = odd === undefined ? await copyDocument(store, copy, key) : `${key} in ${store.url} is ${odd}`;
    if (problem === undefined) objects += 1;
    else notCopied.push(problem);
  }
  for (const problem of notCopied) run.log.warn(`not exported: ${problem}; a restore from the copy is refused without it`);
  return { objects, notCopied };
}

/**
 * One piece of evidence that is odd, too large or unreadable is not a reason to keep somebody from
 * carrying the backup away.
 */
async function copyEvidence({ run }: PipelineContext, { entry, vault: { store } }: FoundBackup, copy: ObjectStore) {
  const notCopied: string[] = [];
  let objects = 0;
  for await (const { key, odd } of store.list(keyOf.evidencePrefix(entry.source, entry.id), { includeOdd: true })) {
    run.signal.throwIfAborted();
    const problem = odd === undefined ? await copyDocument(store, copy, key) : `${key} in ${store.url} is ${odd}`;
    if (problem === undefined) objects += 1;
    else notCopied.push(problem);
  }
  for (const problem of notCopied) run.log.warn(`not exported: ${problem}; \`holdfast verify\` judges the backup anew`);
  return { objects, notCopied };
}

/**
 * Copies a small object as it is; why it could not be read, or undefined. Errors: those of the
 * copy's store, and what the vault fails with for all objects.
 */
async function copyDocument(store: ObjectStore, copy: ObjectStore, key: string): Promise<string | undefined> {
  let bytes: Uint8Array;
  try {
    ({ bytes } = await readSmall(store, key));
  } catch (error) {
    // Gone since it was listed: then it is no part of the backup.
    if (isHoldfastError(error, "VaultInvalid", "StoreAccessDenied", "ObjectNotFound")) return error.message;
    throw error;
  }
  await copy.put(key, bytes);
  return undefined;
}
