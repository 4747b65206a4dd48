/**
 * Why a plan must not be carried out though retention finds nothing wrong with it: backups are
 * missing from it that nobody deleted.
 */
import type { RetentionPlan } from "../../retention/plan-retention.ts";
import type { Refusal } from "../../retention/refusals.ts";
import { listHiddenDocuments } from "../../vault/documents/hidden-documents.ts";
import type { BackupPlace } from "../../vault/layout.ts";
import { confirmLost, describeLost } from "../../vault/list-lost.ts";
import type { SignedVault } from "../../vault/vault.ts";

/** Backups named one by one in a refusal. */
const maxNamed = 10;

/**
 * The plan with the refusals that the vault itself gives: manifests or evidence that were deleted
 * or overwritten and that the bucket still has, and backups whose manifest is gone without a
 * tombstone. Errors: those of ObjectStore.
 */
export async function refuseLosses(
  vault: SignedVault,
  source: string,
  unclaimed: readonly BackupPlace[],
  plan: RetentionPlan,
): Promise<RetentionPlan> {
  const found = [await refuseHidden(vault, source), await refuseLost(vault, unclaimed)].filter((refusal) => refusal !== undefined);
  const [refusal] = found;
  return refusal === undefined ? plan : { ...plan, refusals: [...found, ...plan.refusals], refusal };
}

async function refuseHidden(vault: SignedVault, source: string): Promise<Refusal | undefined> {
  const hidden = new Map<string, string>();
  for await (const { id, key, by, hiddenAt } of listHiddenDocuments(vault, source)) {
    const what = key.startsWith("manifests/") ? "" : "evidence ";
    if (!hidden.has(id))
      hidden.set(id, `${id}, ${what}${by === "deletion" ? "deleted" : "overwritten"} at ${hiddenAt.toISOString()}`);
  }
  if (hidden.size === 0) return undefined;
  return {
    code: "backups-hidden",
    message: `${countOf(hidden.size)} deleted or overwritten outside Holdfast, and the bucket still has what was written`,
    details: [...name([...hidden.values()]), "bring them back with `holdfast vault undelete`, and find out who did it"],
  };
}

async function refuseLost(vault: SignedVault, unclaimed: readonly BackupPlace[]): Promise<Refusal | undefined> {
  const lost = await confirmLost(vault, unclaimed);
  const newest = lost.at(-1);
  if (newest === undefined) return undefined;
  const them = lost.length === 1 ? "it" : "them";
  return {
    code: "backups-lost",
    message: `${countOf(lost.length)} lost or deleted outside Holdfast: there is evidence of ${them}, but no manifest`,
    details: [
      ...name(lost.map(({ id }) => id)),
      describeLost(newest, vault.store).remedy,
      `nothing that is left of ${them} is deleted meanwhile`,
    ],
  };
}

function countOf(count: number): string {
  return count === 1 ? "1 backup was" : `${count} backups were`;
}

function name(lines: readonly string[]): string[] {
  return lines.length > maxNamed ? [...lines.slice(0, maxNamed), `and ${lines.length - maxNamed} more`] : [...lines];
}
