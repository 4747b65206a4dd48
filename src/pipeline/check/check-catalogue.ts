/** What `holdfast check` finds in a vault's listings: what does not count, and what is lost. */
import type { Finding } from "../../engines/finding.ts";
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import type { VaultConfig } from "../../policy/policy.ts";
import { listBackups } from "../../vault/catalogue.ts";
import type { BackupPlace } from "../../vault/layout.ts";
import { describeDeletion, listRecentDeletions } from "../../vault/list-deleted.ts";
import { describeForged, listForgedTombstones } from "../../vault/list-forged.ts";
import { confirmLost, describeLost } from "../../vault/list-lost.ts";
import type { ObjectStore } from "../../vault/object-store.ts";
import type { SignedVault } from "../../vault/vault.ts";
import { findReplacedId } from "../opening/recover-vault-id.ts";
import type { PipelineContext } from "../pipeline-context.ts";

/** How many of a source's newest backups are asked for the keys that open them. */
const openableCount = 100;

/** Their ids, oldest first, by vault and source: of one listing of each vault. */
export type NewestBackups = Map<string, string[]>;

export function nameIn(vault: string, source: string): string {
  return `${vault}/${source}`;
}

/**
 * The vault; also where its holdfast.json says nothing, which is a finding of its own: then nobody
 * can tell which documents are signed.
 */
export async function lookInto(context: PipelineContext, { name }: VaultConfig, store: ObjectStore): Promise<SignedVault> {
  try {
    return await context.vaultOf(name);
  } catch (error) {
    if (!isHoldfastError(error, "VaultNotFound", "VaultDamaged", "VaultInvalid")) throw error;
    return { id: "", store, verifier: { verify: () => "unknown", lacking: error } };
  }
}

/** What is dated in the future, not signed or lost. Reads keys only. */
export async function checkCatalogue(
  context: PipelineContext,
  vaultName: string,
  vault: SignedVault,
  newest: NewestBackups,
): Promise<readonly Finding[]> {
  const { signal, clock } = context.run;
  const { store } = vault;
  const now = clock.now();
  const findings: Finding[] = [];
  const unclaimed: BackupPlace[] = [];
  const onUnclaimed = (place: BackupPlace): void => void unclaimed.push(place);
  const forged: string[] = [];
  const onForged = (key: string): void => void forged.push(key);
  for await (const { source, id, future, futureChecks } of listBackups(vault, { now, signal, onUnclaimed, onForged })) {
    const name = nameIn(vaultName, source);
    newest.set(name, [...(newest.get(name) ?? []), id].slice(-openableCount));
    if (future) {
      const message = `${source}/${id} is dated in the future and does not count`;
      findings.push({ level: "warning", subject: "backups", message, remedy: "Set the clocks of the machines that make backups." });
    }
    for (const { key } of futureChecks) {
      const message = `${key} is dated in the future and does not count`;
      const remedy =
        "Find out who wrote it: a clock was wrong, or somebody wants the backup to look good. Then move it out of the vault.";
      findings.push({ level: "error", subject: "evidence", message, remedy });
    }
  }
  for await (const key of listForgedTombstones(vault, { signal })) forged.push(key);
  if (forged.length > 0) findings.push(await judgeForged(context, vault, forged));
  for (const place of await confirmLost(vault, unclaimed)) {
    findings.push({ level: "error", subject: "backups", ...describeLost(place, store) });
  }
  for await (const deletion of listRecentDeletions(vault, { now, signal })) {
    findings.push({ level: "warning", subject: "backups", ...describeDeletion(deletion, store.url, now) });
  }
  return findings;
}

/** With another vault's holdfast.json, all that was signed here looks forged: none of it may go. */
async function judgeForged(context: PipelineContext, vault: SignedVault, forged: readonly string[]): Promise<Finding> {
  const replaced = await findReplacedId(context, vault);
  const { url } = vault.store;
  if (replaced === undefined) return { level: "error", subject: "signatures", ...describeForged(forged, url), details: forged };
  return {
    level: "error",
    subject: "vault's id",
    message: `holdfast.json in ${url} says that this is vault ${vault.id}, and its newest backups are sealed for ${replaced}: it was replaced`,
    remedy:
      "Delete nothing: what was signed before counts again with the right one. Bring it back from a copy or the bucket's older versions; or move it out of the vault and run `holdfast check --repair`, which writes it anew.",
  };
}
