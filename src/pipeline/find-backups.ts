/** Finds backups by what a person or another step calls them. */
import { HoldfastError } from "../errors/holdfast-error.ts";
import type { Policy } from "../policy/policy.ts";
import { type BackupEntry, findBackup, listBackups } from "../vault/catalogue.ts";
import type { ObjectStore } from "../vault/object-store.ts";
import { openVault } from "../vault/vault.ts";
import { type PipelineContext, requireSource } from "./pipeline-context.ts";

export interface FoundBackup {
  readonly entry: BackupEntry;
  readonly store: ObjectStore;
  readonly vaultName: string;
}

/** The newest backup of a source, whatever its state, or undefined. Reads keys only. */
export async function newestBackup(store: ObjectStore, source: string): Promise<BackupEntry | undefined> {
  let newest: BackupEntry | undefined;
  for await (const entry of listBackups(store, { source })) newest = entry;
  return newest;
}

/**
 * Finds the backup that `reference` names (an id, a unique prefix of one, `<source>@latest`, `<source>@<time>`) in the policy's vaults.
 * Errors: BackupNotFound, UsageInvalid when it is ambiguous, VaultNotFound, VaultInvalid.
 */
export async function findInVaults(context: PipelineContext, reference: string): Promise<FoundBackup> {
  const at = reference.indexOf("@");
  const vaultNames = at > 0 ? [requireSource(context.policy, reference.slice(0, at)).vault] : vaultsOf(context.policy);
  let notFound: unknown;
  for (const vaultName of vaultNames) {
    const store = await context.storeOf(vaultName);
    try {
      await openVault(store);
      return { entry: await findBackup(store, reference), store, vaultName };
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.exitCode !== 3) throw error;
      notFound ??= error;
    }
  }
  throw notFound ?? new HoldfastError("BackupNotFound", `no vault of the policy holds a backup "${reference}"`);
}

/** The vaults that the policy's sources use, each once. */
export function vaultsOf(policy: Policy): string[] {
  const used = new Set(Object.values(policy.sources).map((source) => source.vault));
  for (const name of Object.keys(policy.vaults)) used.add(name);
  return [...used];
}

/**
 * The key set that opens a backup: its source's, or, for a source that the policy no longer has, the policy's first.
 * The manifest's key id decides within the set.
 */
export function keyNameFor(policy: Policy, source: string): string {
  const key = policy.sources[source]?.key ?? Object.keys(policy.keys)[0];
  if (key === undefined) throw new HoldfastError("KeyUnavailable", "the policy names no key");
  return key;
}
