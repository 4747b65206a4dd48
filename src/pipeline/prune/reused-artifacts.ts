/**
 * Which objects the backups of a source name that an earlier backup stored: those must stay when
 * the earlier one goes. Only genuine manifests count. One that cannot be read, or was not made with
 * the vault's key, may have named anything: on that doubt nothing that it could name is deleted.
 */
import { type HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import { mapInBatches } from "../../runtime/map-in-batches.ts";
import { reusedKeys } from "../../vault/artifact-place.ts";
import type { Manifest } from "../../vault/documents/manifest.ts";
import { reusingKinds } from "../../vault/documents/reusing-kinds.ts";
import { parseArtifactKey } from "../../vault/layout.ts";
import type { Vault } from "../../vault/vault.ts";
import { historyOf } from "../catalogue/source-history.ts";
import { readAuthenticManifest, type SealedVault } from "../opening/authentic-manifest.ts";
import type { PipelineContext } from "../pipeline-context.ts";

/** Errors that say of one manifest that nobody can tell what it names. */
const doubtful = [
  "ManifestDamaged",
  "VaultInvalid",
  "StoreAccessDenied",
  "KeyMissing",
  "KeyUnavailable",
  "KeyFileInvalid",
  "ArtifactArchived",
] as const;

export interface ReusedArtifacts {
  /** Whether a backup names the object that another stored, or may name it. */
  isNamed(key: string): boolean;
  /** Why what this backup stored has to stay as a whole, in words; undefined where nothing does. */
  findDoubt(storedBy: string): string | undefined;
  /** Backups whose manifests are in doubt, each with its reason. */
  readonly doubts: ReadonlyMap<string, string>;
  /**
   * What each manifest that was read builds on: an id, null for what stands alone, or why it could
   * not be read. Planning needs it too, and reads none of them again.
   */
  readonly bases: ReadonlyMap<string, string | null | HoldfastError>;
  /** Forgets what a backup names that was just deleted. */
  forget(id: string, manifest: Manifest | undefined): void;
}

/** Read once, when it is first asked for. */
export type ReadReused = () => Promise<ReusedArtifacts>;

/**
 * Reads the manifests of all backups of the source that may reuse: incremental and differential
 * ones. Of others not even the manifest is read. Memory: one entry for each object that is reused,
 * and one for each manifest. Errors: StoreUnavailable.
 */
export async function readReusedArtifacts(context: PipelineContext, vault: Vault, source: string): Promise<ReusedArtifacts> {
  const counts = new Map<string, number>();
  const doubts = new Map<string, string>();
  const bases = new Map<string, string | null | HoldfastError>();
  const count = (keys: readonly string[], by: 1 | -1) => {
    for (const key of keys) {
      const left = (counts.get(key) ?? 0) + by;
      if (left > 0) counts.set(key, left);
      else counts.delete(key);
    }
  };
  const { backups } = await historyOf(context, vault, source);
  const reusing = backups.flatMap(({ id, kind }) => (reusingKinds.has(kind) ? [id] : []));
  const readEach = async (id: string) => {
    const found = await readOne(context, vault, source, id);
    bases.set(id, isHoldfastError(found) ? found : (found.base?.id ?? null));
    if (!isHoldfastError(found)) count(reusedKeys(found), 1);
    // One that was deleted meanwhile names nothing.
    else if (found.name !== "BackupNotFound") doubts.set(id, found.message);
  };
  await mapInBatches(reusing, readEach, context.run.signal);
  const findDoubt = (storedBy: string): string | undefined => describeDoubt(doubts, storedBy);
  return {
    doubts,
    bases,
    findDoubt,
    isNamed: (key) => counts.has(key) || findDoubt(parseArtifactKey(key)?.id ?? "") !== undefined,
    forget(id, manifest) {
      // What a manifest in doubt names was never counted.
      if (!doubts.delete(id) && manifest !== undefined) count(reusedKeys(manifest), -1);
    },
  };
}

/** Why what a backup stored has to stay while these manifests are in doubt, in words. */
export function describeDoubt(doubts: ReadonlyMap<string, string>, storedBy: string): string | undefined {
  // A backup reuses from earlier ones only.
  for (const [id, why] of doubts) if (id > storedBy) return `${id} may name its artifacts: ${why}`;
  return undefined;
}

/** The manifest, or why nobody can tell what it names. */
async function readOne(
  context: PipelineContext,
  vault: SealedVault,
  source: string,
  id: string,
): Promise<Manifest | HoldfastError> {
  try {
    return (await readAuthenticManifest(context, vault, source, id)).manifest;
  } catch (error) {
    if (isHoldfastError(error, "BackupNotFound", ...doubtful)) return error;
    throw error;
  }
}
