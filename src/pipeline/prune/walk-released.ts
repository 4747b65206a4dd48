/** Going through what a plan releases, one backup after the other, and what comes of it. */
import type { RetentionBackup, RetentionPlan } from "../../retention/plan-retention.ts";

export interface Deletions {
  readonly deleted: readonly string[];
  /** Released backups that stayed, and why. */
  readonly spared: ReadonlyMap<string, string>;
}

/**
 * Calls `work` for each released backup, dependants before what they build on. `work` resolves with
 * why one stays: its bases then stay with it.
 */
export async function walkReleased(
  { released }: RetentionPlan,
  backups: readonly RetentionBackup[],
  work: (id: string) => Promise<string | undefined>,
): Promise<Deletions> {
  const parents = new Map(backups.map(({ id, parent }) => [id, parent ?? undefined]));
  const deleted: string[] = [];
  const spared = new Map<string, string>();
  // Dependants come before what they build on, so that whatever is spared spares its bases in time.
  for (const id of released) {
    if (spared.has(id)) continue;
    const reason = await work(id);
    if (reason === undefined) {
      deleted.push(id);
      continue;
    }
    spared.set(id, reason);
    for (let base = parents.get(id); base !== undefined && !spared.has(base); base = parents.get(base)) {
      spared.set(base, `needed by ${id}`);
    }
  }
  return { deleted, spared };
}

/** The plan as it was carried out. */
export function amendPlan(planned: RetentionPlan, spared: ReadonlyMap<string, string>): RetentionPlan {
  const decisions = planned.decisions.map((decision) => {
    const reason = decision.kept ? undefined : spared.get(decision.id);
    return reason === undefined ? decision : { id: decision.id, kept: true, reasons: [reason] };
  });
  return { ...planned, decisions, released: planned.released.filter((id) => !spared.has(id)) };
}
