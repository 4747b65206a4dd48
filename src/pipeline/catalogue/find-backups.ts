/** Finds backups by what a person or another step calls them. */
import { exitCodes } from "../../errors/exit-codes.ts";
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import type { Policy } from "../../policy/policy.ts";
import type { BackupEntry } from "../../vault/catalogue.ts";
import { findBackup } from "../../vault/find-backup.ts";
import type { Vault } from "../../vault/vault.ts";
import { withChain } from "../list-source.ts";
import { type PipelineContext, requireSource } from "../pipeline-context.ts";
import { chooseBackup } from "./choose-backup.ts";
import { type ResolvedReference, resolveReference } from "./resolve-reference.ts";

export interface FoundBackup {
  readonly entry: BackupEntry;
  readonly vault: Vault;
  /** Where a restore has to stop, ISO 8601: the backup goes on after the instant that was named. */
  readonly until?: string;
}

/**
 * Finds the backup that `given` names (an id, a unique prefix of one, `<source>@latest`,
 * `@latest-proven`, `@<time>`, `@before:<time>`) in the policy's vaults. A vault that cannot be
 * looked into does not keep a backup from being found in another. Times are read as people write
 * them (resolve-reference.ts).
 * Errors: BackupNotFound, SourceNotFound, UsageInvalid when it is ambiguous (in one vault or
 * between them), VaultNotFound, VaultInvalid, those of the vaults.
 */
export async function findInVaults(context: PipelineContext, given: string): Promise<FoundBackup> {
  const reference = resolveReference(context, given);
  const vaultNames = reference.by === "time" ? vaultsFor(context.policy, reference.source) : vaultsOf(context.policy);
  const found: FoundBackup[] = [];
  const misses: HoldfastError[] = [];
  for (const vaultName of vaultNames) {
    try {
      const place = await findInVault(context, vaultName, reference);
      if (isWhole(place.entry, reference.text)) return place;
      found.push(place);
    } catch (error) {
      if (!isHoldfastError(error) || isHoldfastError(error, "UsageInvalid", "Interrupted")) throw error;
      misses.push(error);
    }
  }
  const [first, ...others] = found;
  if (first === undefined) throw notFound(context.policy, reference, misses);
  refuseAmbiguous(reference.text, first, others);
  for (const { message } of misses.filter(isUnreachable)) context.run.log.warn(`a vault could not be looked into: ${message}`);
  return first;
}

async function findInVault(context: PipelineContext, vaultName: string, reference: ResolvedReference): Promise<FoundBackup> {
  const vault = await context.vaultOf(vaultName);
  if (reference.by === "time") return { vault, ...(await chooseBackup(context, vault, reference)) };
  const entry = await findBackup(vault, reference.text, context.run.clock.now());
  // Deleted meanwhile: what reads it says so.
  return { entry: (await withChain(context, vault, entry)) ?? entry, vault };
}

/** A whole id is in no need of the other vaults' word. */
function isWhole({ source, id }: BackupEntry, reference: string): boolean {
  return reference === id || reference === `${source}/${id}`;
}

/** The same backup may lie in two vaults, as a copy; then the first will do. */
function refuseAmbiguous(reference: string, first: FoundBackup, others: readonly FoundBackup[]): void {
  const differing = others.filter(({ entry }) => entry.id !== first.entry.id || entry.source !== first.entry.source);
  if (differing.length === 0) return;
  throw new HoldfastError("UsageInvalid", `"${reference}" is ambiguous: more than one backup begins with it`, {
    hint: "Write more of the id, or put the source before it: <source>/<id>.",
    details: [first, ...differing].map(({ entry, vault }) => `${entry.source}/${entry.id} in ${vault.store.url}`),
  });
}

/** Where one vault could not be looked into, nobody knows that the backup is not there. */
function notFound(policy: Policy, reference: ResolvedReference, misses: readonly HoldfastError[]): HoldfastError {
  const unreachable = misses.find(isUnreachable);
  if (unreachable !== undefined) return unreachable;
  // A name that neither the policy nor a vault knows is rather a slip of the pen than a source that
  // is gone.
  if (reference.by === "time") requireSource(policy, reference.source);
  const { text } = reference;
  const slash = text.indexOf("/");
  if (slash > 0) requireSource(policy, text.slice(0, slash));
  return misses[0] ?? new HoldfastError("BackupNotFound", `no vault of the policy holds a backup "${text}"`);
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
 * Where backups of a source may lie: its vault, or, for one that the policy names no more, any of
 * them.
 */
export function vaultsFor(policy: Policy, source: string): string[] {
  const known = Object.hasOwn(policy.sources, source) ? policy.sources[source] : undefined;
  return known === undefined ? vaultsOf(policy) : [known.vault];
}

/** Whether a source of the policy keeps its backups in this vault. */
export function isUsed(policy: Policy, vaultName: string): boolean {
  return Object.values(policy.sources).some(({ vault }) => vault === vaultName);
}
