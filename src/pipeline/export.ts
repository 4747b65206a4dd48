/** The step that copies one backup, with all that is needed to restore it, into a folder for offline media. */

import { createHash } from "node:crypto";
import { HoldfastError, isHoldfastError } from "../errors/holdfast-error.ts";
import { keyOf } from "../vault/layout.ts";
import { type ArtifactRecord, commitManifest, type Manifest, readManifest } from "../vault/manifest.ts";
import type { ObjectStore } from "../vault/object-store.ts";
import { readSmall } from "../vault/read-small.ts";
import { initVault } from "../vault/vault.ts";
import type { FoundBackup } from "./find-backups.ts";
import type { PipelineContext } from "./pipeline-context.ts";
import { whileReading } from "./reading.ts";
import { recordingDamage } from "./record-damage.ts";
import { writeInstructions } from "./vault-instructions.ts";

export interface ExportResult {
  readonly backupId: string;
  readonly directory: string;
  readonly objects: number;
  readonly bytes: number;
  /** Evidence that could not be copied, and why: the copy lacks it. */
  readonly notCopied: readonly string[];
}

/**
 * Copies a backup into `directory`, which becomes (or already is) a folder vault of its own: the same layout, the instructions, the manifest
 * last, every artifact's checksum compared on the way. The key is not part of it. A failed export takes back what it copied; what one that died
 * left there is replaced.
 * Errors: ArtifactDamaged, ArtifactMissing, ObjectExists (already exported there), DiskFull, those of both stores.
 */
export async function exportBackup(context: PipelineContext, found: FoundBackup, directory: string): Promise<ExportResult> {
  return whileReading(context, found, "export", () => recordingDamage(context, found, () => copyBackup(context, found, directory)));
}

async function copyBackup(context: PipelineContext, found: FoundBackup, directory: string): Promise<ExportResult> {
  const { entry, store } = found;
  const { manifest } = await readManifest(store, entry.source, entry.id);
  const { openStore } = await import("../vault/open-store.ts");
  const copy = await openStore({ name: "export", type: "folder", path: directory }, { clock: context.run.clock });
  try {
    await initVault(copy, {
      clock: context.run.clock,
      holdfastVersion: context.holdfastVersion,
      restoreInstructions: () => writeInstructions(context.engines),
    });
    await prepareCopy(copy, entry.source, entry.id);
    context.run.progress.phase(
      "export",
      manifest.artifacts.reduce((sum, artifact) => sum + artifact.storedBytes, 0),
    );
    return { backupId: entry.id, directory, ...(await copyObjects(context, found, copy, manifest)) };
  } finally {
    copy.close();
  }
}

async function copyObjects(context: PipelineContext, found: FoundBackup, copy: ObjectStore, manifest: Manifest) {
  const { source, id, artifacts } = manifest;
  try {
    let bytes = 0;
    for (const artifact of artifacts) bytes += await copyArtifact(context, found, copy, artifact);
    const { objects: evidence, notCopied } = await copyEvidence(context, found, copy);
    context.run.signal.throwIfAborted();
    await commitCopy(copy, manifest);
    return { objects: artifacts.length + evidence + 1, bytes, notCopied };
  } catch (error) {
    // On a full disk above all: what is left there is of no use, and in the way.
    await removeUncommitted(copy, source, id).catch((failure: unknown) => {
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

/** Without a manifest there, whatever else is there of this backup was left by an export that died. */
async function prepareCopy(copy: ObjectStore, source: string, id: string): Promise<void> {
  if ((await copy.head(keyOf.manifest(source, id))) !== undefined) {
    throw new HoldfastError("ObjectExists", `backup ${id} of "${source}" is in ${copy.url} already`, {
      hint: "Use the copy that is there, or export to another folder.",
    });
  }
  await removeUncommitted(copy, source, id);
}

/** Removes everything of a backup that was not committed there. */
async function removeUncommitted(copy: ObjectStore, source: string, id: string): Promise<void> {
  if ((await copy.head(keyOf.manifest(source, id))) !== undefined) return;
  for (const prefix of [keyOf.artifact(source, id, ""), keyOf.evidencePrefix(source, id)]) {
    for await (const { key } of copy.list(prefix)) await copy.delete(key);
  }
}

async function copyArtifact(
  context: PipelineContext,
  found: FoundBackup,
  copy: ObjectStore,
  artifact: ArtifactRecord,
): Promise<number> {
  const { entry, store } = found;
  const key = keyOf.artifact(entry.source, entry.id, artifact.name);
  if ((await store.head(key)) === undefined) {
    throw new HoldfastError(
      "ArtifactMissing",
      `${artifact.name} of backup ${entry.id} is not in the vault: ${store.url} has no ${key}`,
    );
  }
  const { signal, progress } = context.run;
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
  return (await copy.put(key, checked(), { ifAbsent: true, signal })).bytes;
}

/** One piece of evidence that is odd, too large or unreadable is no reason to keep somebody from carrying the backup away. */
async function copyEvidence({ run }: PipelineContext, { entry, store }: FoundBackup, copy: ObjectStore) {
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

/** Copies a small object as it is; why it could not be read, or undefined. Errors: those of the copy's store, and what the vault fails with for all objects. */
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
