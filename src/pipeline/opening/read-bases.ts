/** What the backups of a source build on, as their manifests say it. */
import { type HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import type { BackupKind, BaseRules } from "../../policy/policy.ts";
import { mapInBatches } from "../../runtime/map-in-batches.ts";
import type { BackupEntry } from "../../vault/catalogue.ts";
import { isFirstLog } from "../../vault/layout.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { readAuthenticManifest, type SealedVault } from "./authentic-manifest.ts";

/**
 * Kinds that may build on another, or only reuse what it stored. Logs are too many to be read all:
 * one that is not the first on a backup of another kind goes on from a log (chains.ts), for
 * whatever a dump skips it has recorded as damaged.
 */
const readKinds: ReadonlySet<BackupKind> = new Set(["incremental", "differential"]);

export interface SaidBases {
  /** The base's id, or null for what stands alone; by the id of the backup. */
  readonly bases: ReadonlyMap<string, string | null>;
  /** Why nobody can tell what a backup builds on, in words. */
  readonly doubts: ReadonlyMap<string, string>;
}

/**
 * Reads the manifests of all that may build on another; of logs, of each that is the first on a
 * backup of another kind, and of the one after it: a first that somebody planted between the logs
 * must not pass for what the later ones need. A
 * manifest that is damaged, or not genuine, says nothing of its base. What is in `known` was read
 * before: a base, null, or why it could not be. `entries` are a source's, oldest first. Errors:
 * KeyUnavailable, KeyFileInvalid, those of ObjectStore.
 */
export async function readBases(
  context: PipelineContext,
  vault: SealedVault,
  entries: readonly BackupEntry[],
  rules: BaseRules,
  known: ReadonlyMap<string, string | null | HoldfastError>,
): Promise<SaidBases> {
  const [bases, doubts] = [new Map<string, string | null>(), new Map<string, string>()];
  let afterFirst = false;
  const depending = entries.filter(({ id, kind }) => {
    if (kind !== "log" || rules.log === undefined) return readKinds.has(kind);
    const isRead = afterFirst || isFirstLog(id);
    afterFirst = isFirstLog(id);
    return isRead;
  });
  const readOne = async ({ source, id }: BackupEntry): Promise<void> => {
    try {
      const said = known.get(id);
      if (isHoldfastError(said)) throw said;
      const base =
        said === undefined ? ((await readAuthenticManifest(context, vault, source, id)).manifest.base?.id ?? null) : said;
      bases.set(id, base);
    } catch (error) {
      if (!isHoldfastError(error, "ManifestDamaged", "VaultInvalid", "StoreAccessDenied", "KeyMissing", "BackupNotFound"))
        throw error;
      doubts.set(id, error.message);
    }
  };
  await mapInBatches(depending, readOne, context.run.signal);
  return { bases, doubts };
}
