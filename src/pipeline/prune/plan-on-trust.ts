/**
 * Plans retention on backups that were looked at: what is kept as good, and lets others go for it,
 * is read first.
 */
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import type { RetentionBackup, RetentionPlan } from "../../retention/plan-retention.ts";
import { mapInBatches } from "../../runtime/map-in-batches.ts";
import type { BackupEntry } from "../../vault/catalogue.ts";
import { examineBackup } from "../../vault/examine-backup.ts";
import { type FollowedLinks, followLinks } from "../../vault/examine-base.ts";
import { authenticatorOf, type SealedVault } from "../opening/authentic-manifest.ts";
import type { PipelineContext } from "../pipeline-context.ts";

/** A backup as retention knows it, with what its name in the vault says. */
export interface GatheredBackup extends RetentionBackup {
  readonly entry: BackupEntry;
}

/**
 * The backups as far as they can be relied on. Whatever a plan that releases something keeps as
 * verified or proven is read; one whose documents do not say so counts for nothing and is never
 * released, and the plan is made again, until everything it relies on was read. Reads nothing where
 * nothing is released. Errors: KeyUnavailable and KeyFileInvalid (nobody can tell whether a
 * manifest is genuine), those of ObjectStore.
 */
export async function planOnTrust(
  context: PipelineContext,
  vault: SealedVault,
  gathered: readonly GatheredBackup[],
  plan: (backups: readonly RetentionBackup[]) => RetentionPlan,
): Promise<readonly RetentionBackup[]> {
  const backups = new Map(gathered.map((backup) => [backup.id, backup]));
  const confirmed = new Set<string>();
  const followed = followLinks();
  for (;;) {
    const planned = plan([...backups.values()]);
    const kept = new Set(planned.decisions.flatMap((decision) => (decision.kept ? [decision.id] : [])));
    const relied = [...backups.values()].filter(
      ({ id, kind, state, distrust }) =>
        // No other backup goes because of a log: thousands of them need no look.
        kept.has(id) &&
        kind !== "log" &&
        !confirmed.has(id) &&
        (state === "verified" || state === "proven") &&
        distrust === undefined,
    );
    const [unchecked] = gathered.flatMap(({ entry }) => entry.unchecked ?? []);
    // Nor on the word of evidence that anybody could have written.
    if (planned.released.length > 0 && unchecked !== undefined) throw unchecked;
    if (planned.released.length === 0 || relied.length === 0) return [...backups.values()].map(withoutEntry);
    const look = async (backup: GatheredBackup) => {
      confirmed.add(backup.id);
      backups.set(backup.id, await confirm(context, vault, backup, followed));
    };
    await mapInBatches(relied, look, context.run.signal);
  }
}

async function confirm(
  context: PipelineContext,
  vault: SealedVault,
  backup: GatheredBackup,
  followed: FollowedLinks,
): Promise<GatheredBackup> {
  const examined = await examineBackup(vault.store, backup.entry, authenticatorOf(context, vault), followed);
  // Nothing is deleted on the word of manifests that anybody could have written. Without a key that
  // is so of all; a seal that a rule of the bucket archived is lost to this backup alone.
  const archived = isHoldfastError(examined?.unchecked, "ArtifactArchived") ? examined.unchecked.message : undefined;
  if (examined?.unchecked !== undefined && archived === undefined) throw examined.unchecked;
  const doubts = [examined?.unread, archived].filter((doubt) => doubt !== undefined);
  const problems = examined === undefined ? ["it was deleted"] : [...examined.problems, ...doubts];
  if (problems.length === 0) return backup;
  const distrust = problems.join("; ");
  context.run.log.warn(`retention does not count on ${backup.id}: ${distrust}`);
  return { ...backup, distrust };
}

function withoutEntry({ entry: _entry, ...backup }: GatheredBackup): RetentionBackup {
  return backup;
}
