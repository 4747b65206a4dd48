/** The objects of one backup: from the evidence of its verification, or from its own listing. */
import { listDigest, type ObjectListing } from "../../proof/listed-object.ts";
import { readAuthenticManifest } from "../opening/authentic-manifest.ts";
import { openRecordedDigest, readDigestKey } from "../opening/digest-keys.ts";
import { openingKeysFor } from "../opening/opening-keys.ts";
import { openBackup } from "../opening/read-backup.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import type { FoundBackup } from "./find-backups.ts";
import { readSoundEvidence } from "./read-valid-evidence.ts";

export interface ListedObjects {
  readonly listing: ObjectListing;
  /** Names the rules by which its hashes were made: others' are no use for a comparison. */
  readonly algorithm: string;
}

/**
 * Opens the listing of a backup, without reading its content; undefined where nothing lists its
 * objects: it was never read back, or it is of a kind that holds changes. What its digest key could
 * not open has no hashes. Errors: ManifestDamaged, KeyMissing, KeyUnavailable, BackupNotFound,
 * those of the store; while it is read, also those of Engine.listObjects.
 */
export async function listObjects(context: PipelineContext, found: FoundBackup): Promise<ListedObjects | undefined> {
  const { entry, vault } = found;
  const key = entry.checks.findLast(({ check }) => check === "verified" || check === "suspicious")?.key;
  const recorded = key === undefined ? undefined : (await readSoundEvidence(vault.store, key))?.digest;
  if (recorded?.objects !== undefined) {
    const { objects = [], algorithm } = await openRecordedDigest(context, vault, entry, recorded);
    return { listing: listDigest(objects), algorithm };
  }
  const { manifest } = await readAuthenticManifest(context, vault, entry.source, entry.id);
  const engine = await context.engineOf(manifest.engine);
  if (engine.listObjects === undefined) return undefined;
  const digestKey = await readDigestKey(context, vault, manifest);
  const keys = await openingKeysFor(context, entry.source);
  const { reader } = openBackup(vault, keys, manifest, engine, context.run, { digestKey });
  return { listing: engine.listObjects(reader, context.run), algorithm: engine.name };
}
