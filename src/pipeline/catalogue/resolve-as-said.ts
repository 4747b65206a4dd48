/** Chains as the manifests say them, wherever a guess by keys would spoil a backup. */
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import type { BaseRules } from "../../policy/policy.ts";
import type { BackupEntry } from "../../vault/catalogue.ts";
import { resolveChains } from "../../vault/chains.ts";
import { readAuthenticManifest, type SealedVault } from "../opening/authentic-manifest.ts";
import type { PipelineContext } from "../pipeline-context.ts";

/** Two small requests each; a guess that is not asked about stays, and is the worse one. */
const maxManifestsAsked = 100;

/**
 * `resolveChains`, but that a backup which is damaged by the base that its key was guessed to have
 * is asked for its own: anyone who can write can plant a manifest between a backup and its base.
 * One that cannot be read, or is not genuine, keeps the guess. `entries` are a source's, oldest
 * first. Errors: those of ObjectStore.get.
 */
export async function resolveAsSaid(
  context: PipelineContext,
  vault: SealedVault,
  entries: readonly BackupEntry[],
  rules: BaseRules,
): Promise<readonly BackupEntry[]> {
  const bases = new Map<string, string | null>();
  const asked = new Set<string>();
  let resolved = resolveChains(entries, rules, bases);
  while (asked.size < maxManifestsAsked) {
    const byId = new Map(resolved.map((entry) => [entry.id, entry]));
    const spoilt = resolved.find((entry) => !asked.has(entry.id) && isSpoiltByGuess(entry, byId));
    if (spoilt === undefined) break;
    asked.add(spoilt.id);
    const base = await readBaseOf(context, vault, spoilt);
    if (base === undefined || base === spoilt.base) continue;
    bases.set(spoilt.id, base);
    resolved = resolveChains(entries, rules, bases);
  }
  return resolved;
}

/** Whether its own checks are good, and those of the base itself are not, or there is none. */
function isSpoiltByGuess({ state, own, base }: BackupEntry, byId: ReadonlyMap<string, BackupEntry>): boolean {
  if (state !== "damaged" || own === undefined || own.state === "damaged" || base === undefined) return false;
  const guessed = byId.get(base);
  return guessed === undefined || (guessed.own ?? guessed).state === "damaged";
}

async function readBaseOf(
  context: PipelineContext,
  vault: SealedVault,
  { source, id }: BackupEntry,
): Promise<string | null | undefined> {
  try {
    return (await readAuthenticManifest(context, vault, source, id)).manifest.base?.id ?? null;
  } catch (error) {
    if (!isHoldfastError(error) || isHoldfastError(error, "Interrupted")) throw error;
    return undefined;
  }
}
