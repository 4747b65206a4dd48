/**
 * Plans retention with the positions that decide on logs: those of the bases that logs go on from,
 * and of each log before it is released. A log that stays is not read, however many there are.
 */
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import type { RetentionBackup, RetentionPlan } from "../../retention/plan-retention.ts";
import { mapInBatches } from "../../runtime/map-in-batches.ts";
import { readAuthenticManifest, type SealedVault } from "../opening/authentic-manifest.ts";
import type { PipelineContext } from "../pipeline-context.ts";

/** Errors that say of one manifest that nobody can tell what is in it. */
const saysNothing = [
  "ManifestDamaged",
  "VaultInvalid",
  "StoreAccessDenied",
  "KeyMissing",
  "BackupNotFound",
  "ArtifactArchived",
] as const;

/**
 * The backups with every position that the plan made of them needs; the plan is made again until
 * all are known. A manifest that cannot be read or is not genuine says nothing: its backup is not
 * released, unless it is known for damaged. Errors: KeyUnavailable and KeyFileInvalid, those of
 * ObjectStore.
 */
export async function planOnPositions(
  context: PipelineContext,
  vault: SealedVault,
  source: string,
  backups: readonly RetentionBackup[],
  plan: (backups: readonly RetentionBackup[]) => RetentionPlan,
): Promise<readonly RetentionBackup[]> {
  const known = new Map(backups.map((backup) => [backup.id, backup]));
  const read = new Set<string>();
  for (;;) {
    const unread = plan([...known.values()]).unread.filter((id) => !read.has(id));
    if (unread.length === 0) return [...known.values()];
    const readOne = async (id: string) => {
      read.add(id);
      const backup = known.get(id);
      if (backup !== undefined) known.set(id, await place(context, vault, source, backup));
    };
    await mapInBatches(unread, readOne, context.run.signal);
  }
}

async function place(
  context: PipelineContext,
  vault: SealedVault,
  source: string,
  backup: RetentionBackup,
): Promise<RetentionBackup> {
  try {
    return { ...backup, coverage: (await readAuthenticManifest(context, vault, source, backup.id)).manifest.coverage };
  } catch (error) {
    if (!isHoldfastError(error, ...saysNothing)) throw error;
    return backup.state === "damaged" ? backup : { ...backup, distrust: error.message };
  }
}
