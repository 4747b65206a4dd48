/** The catalogue as steps ask for it: with what each source's kinds build on. */
import type { BaseRules } from "../policy/policy.ts";
import { type BackupEntry, type ListOptions, listBackups } from "../vault/catalogue.ts";
import { hasChains } from "../vault/chains.ts";
import type { SignedVault, Vault } from "../vault/vault.ts";
import type { SourceHistory } from "./catalogue/histories.ts";
import { resolveAsSaid } from "./catalogue/resolve-as-said.ts";
import { historyOf } from "./catalogue/source-history.ts";
import type { PipelineContext } from "./pipeline-context.ts";

/**
 * All backups of the vault, or of one source, as `listBackups` gives them; no state is better than
 * that of what its backup builds on. Memory: one source's entries, where its kinds build on others.
 * Errors: those of ObjectStore.list.
 */
export async function* listEntries(
  context: PipelineContext,
  vault: SignedVault,
  options: Omit<ListOptions, "now"> = {},
): AsyncGenerator<BackupEntry, void, undefined> {
  const { clock, signal } = context.run;
  let chained: BackupEntry[] = [];
  let rules: BaseRules = {};
  let failure: { readonly error: unknown } | undefined;
  try {
    for await (const entry of listBackups(vault, { signal, ...options, now: clock.now() })) {
      if (chained[0] !== undefined && chained[0].source !== entry.source) {
        yield* await resolveAsSaid(context, vault, chained, rules);
        chained = [];
      }
      rules = rulesOf(context, entry.source);
      if (hasChains(rules)) chained.push(entry);
      else yield entry;
    }
  } catch (error) {
    failure = { error };
  }
  // What was listed before a failure is given first.
  yield* await resolveAsSaid(context, vault, chained, rules);
  if (failure !== undefined) throw failure.error;
}

/**
 * What this run knows of the source's history, with the states that the chains bear out. Errors: as
 * historyOf.
 */
export async function chainedHistoryOf(
  context: PipelineContext,
  vault: Vault,
  source: string,
  signal?: AbortSignal,
): Promise<SourceHistory> {
  const history = await historyOf(context, vault, source, signal);
  const rules = rulesOf(context, source);
  return hasChains(rules) ? { ...history, backups: await resolveAsSaid(context, vault, history.backups, rules) } : history;
}

/**
 * The entry with the state that what it builds on leaves it. Lists its source only where its kind
 * builds on others, or others on it. Undefined: it was deleted meanwhile.
 */
export async function withChain(
  context: PipelineContext,
  vault: SignedVault,
  entry: BackupEntry,
): Promise<BackupEntry | undefined> {
  if (!hasChains(rulesOf(context, entry.source))) return entry;
  for await (const listed of listEntries(context, vault, { source: entry.source })) if (listed.id === entry.id) return listed;
  return undefined;
}

/** What the kinds of the source's engine build on; a source that left the policy has no rules. */
export function rulesOf({ policy }: PipelineContext, source: string): BaseRules {
  return Object.hasOwn(policy.sources, source) ? (policy.sources[source]?.traits.chains ?? {}) : {};
}
