/**
 * Damage of an object is damage of every backup that names it: the others are found, and what was
 * met is written down for each of them.
 */
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import { placeOf } from "../../vault/artifact-place.ts";
import type { Manifest, ReadManifest } from "../../vault/documents/manifest.ts";
import { reusingKinds } from "../../vault/documents/reusing-kinds.ts";
import { parseArtifactKey, parseBackupId, parseDocumentKey } from "../../vault/layout.ts";
import type { FoundBackup } from "../catalogue/find-backups.ts";
import { beginEvidence, recordEvidence } from "../catalogue/record-evidence.ts";
import { readAuthenticManifest } from "../opening/authentic-manifest.ts";
import type { PipelineContext } from "../pipeline-context.ts";

const brokenObjects = new WeakMap<Error, string>();

/** Remembers in which object an error was met. */
export function noteBrokenObject(error: unknown, key: string): void {
  if (error instanceof Error) brokenObjects.set(error, key);
}

function findBrokenObject(error: unknown): string | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    const key = brokenObjects.get(each);
    if (key !== undefined) return key;
  }
  return undefined;
}

/**
 * Writes evidence "damaged" for every other backup that names the object in which `error` was met;
 * resolves with their ids. Reads the manifests of those that may, and nothing when it was in no
 * object of an artifact. Errors: those of ObjectStore and of recordEvidence.
 */
export async function recordSharedDamage(
  context: PipelineContext,
  { entry, vault }: FoundBackup,
  error: Error,
): Promise<readonly string[]> {
  const key = findBrokenObject(error);
  const storedBy = parseArtifactKey(key ?? "")?.id;
  if (key === undefined || storedBy === undefined) return [];
  const sharers: string[] = [];
  for await (const { key: document } of vault.store.list(`manifests/${entry.source}/`, { includeOdd: true })) {
    const id = parseDocumentKey(document)?.id ?? "";
    const kind = parseBackupId(id)?.kind;
    const mayName = id === storedBy || (kind !== undefined && reusingKinds.has(kind) && id > storedBy);
    if (!mayName || id === entry.id) continue;
    const read = await readIfGenuine(context, vault, entry.source, id);
    if (read === undefined || !names(read.manifest, key)) continue;
    sharers.push(id);
    await recordEvidence(context, vault, {
      ...beginEvidence(context, { source: entry.source, id }),
      check: "damaged",
      manifestSha256: read.sha256,
      findings: [`${error.name}: ${error.message} (found in ${entry.id}, which names the same object)`],
    });
  }
  return sharers;
}

function names(manifest: Manifest, key: string): boolean {
  return manifest.artifacts.some((record) => placeOf(manifest, record).key === key);
}

/** One that is not has a damage of its own. */
async function readIfGenuine(
  context: PipelineContext,
  vault: FoundBackup["vault"],
  source: string,
  id: string,
): Promise<ReadManifest | undefined> {
  try {
    return await readAuthenticManifest(context, vault, source, id);
  } catch (error) {
    if (isHoldfastError(error, "BackupNotFound", "ManifestDamaged", "VaultInvalid", "StoreAccessDenied", "KeyMissing"))
      return undefined;
    throw error;
  }
}
