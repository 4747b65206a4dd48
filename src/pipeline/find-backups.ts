/** Finds backups by what a person or another step calls them. */
import { exitCodes } from "../errors/catalogue.ts";
import { HoldfastError, isHoldfastError } from "../errors/holdfast-error.ts";
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
 * Finds the backup that `reference` names (an id, a unique prefix of one, `<source>@latest`, `<source>@<time>`) in the policy's vaults. A
 * vault that cannot be looked into does not keep a backup from being found in another.
 * Errors: BackupNotFound, UsageInvalid when it is ambiguous (in one vault or between them), VaultNotFound, VaultInvalid, those of the vaults.
 */
export async function findInVaults(context: PipelineContext, reference: string): Promise<FoundBackup> {
  const at = reference.indexOf("@");
  const vaultNames = at > 0 ? [requireSource(context.policy, reference.slice(0, at)).vault] : vaultsOf(context.policy);
  const found: FoundBackup[] = [];
  const misses: HoldfastError[] = [];
  for (const vaultName of vaultNames) {
    try {
      const place = await findInVault(context, vaultName, reference);
      if (isWhole(place.entry, reference)) return place;
      found.push(place);
    } catch (error) {
      if (!isHoldfastError(error) || isHoldfastError(error, "UsageInvalid", "Interrupted")) throw error;
      misses.push(error);
    }
  }
  const [first, ...others] = found;
  if (first === undefined) throw notFound(context.policy, reference, misses);
  refuseAmbiguous(reference, first, others);
  for (const { message } of misses.filter(isUnreachable)) context.run.log.warn(`a vault could not be looked into: ${message}`);
  return first;
}

async function findInVault(context: PipelineContext, vaultName: string, reference: string): Promise<FoundBackup> {
  const store = await context.storeOf(vaultName);
  await openVault(store);
  return { entry: await findBackup(store, reference), store, vaultName };
}

/** A whole id is in no need of the other vaults' word. */
function isWhole({ source, id }: BackupEntry, reference: string): boolean {
  return reference === id || reference === `${source}/${id}`;
}

/** The same backup may lie in two vaults, as a copy; then the first will do. */
function refuseAmbiguous(reference: string, first: FoundBackup, others: readonly FoundBackup[]): void {
  const differing = others.filter(({ entry }) => entry.id !== first.entry.id || entry.source !== first.entry.source);
  if (differing.length === 0) return;
  throw new HoldfastError("UsageInvalid", `"${reference}" is the beginning of more than one backup`, {
    hint: "Write more of the id, or put the source before it: <source>/<id>.",
    details: [first, ...differing].map(({ entry, store }) => `${entry.source}/${entry.id} in ${store.url}`),
  });
}

/** Where one vault could not be looked into, nobody knows that the backup is not there. */
function notFound(policy: Policy, reference: string, misses: readonly HoldfastError[]): HoldfastError {
  const unreachable = misses.find(isUnreachable);
  if (unreachable !== undefined) return unreachable;
  if (Object.hasOwn(policy.sources, reference)) {
    return new HoldfastError("BackupNotFound", `"${reference}" is a source, not a backup`, {
      hint: `Name its newest backup as ${reference}@latest, or choose one from \`holdfast list ${reference}\`.`,
    });
  }
  return misses[0] ?? new HoldfastError("BackupNotFound", `no vault of the policy holds a backup "${reference}"`);
}

function isUnreachable(error: HoldfastError): boolean {
  return error.exitCode !== exitCodes.notFound;
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
