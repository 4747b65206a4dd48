/**
 * The step that lists backups with what their manifests and evidence say, and those that are lost.
 */
import { type HoldfastError, isHoldfastError } from "../errors/holdfast-error.ts";
import type { StatusGap } from "../report/status-model.ts";
import type { BackupEntry, ListOptions as CatalogueOptions } from "../vault/catalogue.ts";
import { type ExaminedBackup, examineAll } from "../vault/examine-backup.ts";
import type { BackupPlace } from "../vault/layout.ts";
import { describeDeletion, listRecentDeletions } from "../vault/list-deleted.ts";
import { confirmLost, describeLost } from "../vault/list-lost.ts";
import type { SignedVault } from "../vault/vault.ts";
import { vaultsFor, vaultsOf } from "./catalogue/find-backups.ts";
import { findGaps } from "./catalogue/find-gaps.ts";
import { listEntries } from "./list-source.ts";
import { authenticatorOf } from "./opening/authentic-manifest.ts";
import type { PipelineContext } from "./pipeline-context.ts";

export interface ListedBackup extends ExaminedBackup {
  /** The vault's name in the policy. */
  readonly vault: string;
}

interface LostBackup extends BackupPlace {
  readonly vault: string;
  readonly message: string;
  readonly remedy: string;
}

export interface ListedGap extends StatusGap {
  readonly vault: string;
}

export interface ListedVault {
  readonly url: string;
  readonly exists: boolean;
  readonly entries: readonly ListedBackup[];
  /** Backups whose manifest is missing. */
  readonly lost: readonly LostBackup[];
  /** Times of the sources' recovery windows that no log has, whatever `last` leaves out. */
  readonly gaps: readonly ListedGap[];
  /** Why it could not be looked into. */
  readonly error?: HoldfastError | undefined;
}

/**
 * The backups of every vault, or of one source's vault, with their manifests and evidence read:
 * sorted as the policy names the sources, a source's from the oldest. `last`: so many of each
 * source, its newest. Errors: Interrupted alone; a vault that cannot be read is listed with its
 * error.
 */
export async function listBackups(
  context: PipelineContext,
  { source, last }: { readonly source?: string | undefined; readonly last: number },
): Promise<{ readonly vaults: readonly ListedVault[]; readonly entries: readonly ListedBackup[] }> {
  const names = source === undefined ? vaultsOf(context.policy) : vaultsFor(context.policy, source);
  const vaults: ListedVault[] = [];
  for (const name of names) vaults.push(await listVault(context, name, last, source));
  const entries = vaults.flatMap((vault) => vault.entries);
  return { vaults, entries: sortBySource(entries, Object.keys(context.policy.sources)) };
}

/**
 * A vault that was never written to is an empty one. One that cannot be looked into does not keep
 * the others from being listed, and what of it could be read before is listed too.
 */
async function listVault(context: PipelineContext, vault: string, last: number, source: string | undefined): Promise<ListedVault> {
  const store = await context.storeOf(vault);
  const listed = { url: store.url, exists: true, entries: [] as ListedBackup[], lost: [] as LostBackup[], gaps: [] as ListedGap[] };
  const logs = new Map<string, BackupEntry[]>();
  try {
    const opened = await context.vaultOf(vault);
    const authenticate = authenticatorOf(context, opened);
    const unclaimed: BackupPlace[] = [];
    const onUnclaimed = (place: BackupPlace): void => void unclaimed.push(place);
    const options = { source, onUnclaimed, now: context.run.clock.now(), signal: context.run.signal };
    const entries = keepLogs(listEntries(context, opened, options), logs);
    for await (const entry of examineAll(store, listNewest(entries, last), authenticate)) listed.entries.push({ ...entry, vault });
    for (const [name, each] of logs) {
      const known = Object.hasOwn(context.policy.sources, name) ? context.policy.sources[name] : undefined;
      if (known?.retention.recoveryWindowSeconds === undefined) continue;
      for (const gap of await findGaps(context, opened, known, each)) listed.gaps.push({ vault, ...gap });
    }
    for (const place of await confirmLost(opened, unclaimed)) listed.lost.push({ ...place, vault, ...describeLost(place, store) });
    await warnOfDeletions(context, opened, options);
    return listed;
  } catch (error) {
    if (!isHoldfastError(error) || error.name === "Interrupted") throw error;
    if (error.name === "VaultNotFound") return { ...listed, exists: false };
    return { ...listed, error };
  }
}

/** What was deleted a short time ago can still be brought back. */
async function warnOfDeletions({ run }: PipelineContext, vault: SignedVault, options: CatalogueOptions): Promise<void> {
  for await (const deletion of listRecentDeletions(vault, options)) {
    const { message, remedy } = describeDeletion(deletion, vault.store.url, options.now);
    run.log.warn(`${message}. ${remedy}`);
  }
}

/** Passes the entries on, and puts the logs of each source into `logs`, oldest first. */
async function* keepLogs(entries: AsyncIterable<BackupEntry>, logs: Map<string, BackupEntry[]>): AsyncGenerator<BackupEntry> {
  for await (const entry of entries) {
    if (entry.kind === "log") {
      const known = logs.get(entry.source);
      if (known === undefined) logs.set(entry.source, [entry]);
      else known.push(entry);
    }
    yield entry;
  }
}

/** The newest `last` of each source. */
async function* listNewest(entries: AsyncIterable<BackupEntry>, last: number): AsyncGenerator<BackupEntry> {
  let newest: BackupEntry[] = [];
  let failure: unknown;
  try {
    for await (const entry of entries) {
      if (newest[0] !== undefined && newest[0].source !== entry.source) {
        yield* newest;
        newest = [];
      }
      newest.push(entry);
      if (newest.length > last) newest.shift();
    }
  } catch (error) {
    failure = error;
  }
  // What was listed before the failure is shown with it.
  yield* newest;
  if (failure !== undefined) throw failure;
}

/**
 * As the policy names the sources, then those that it names no longer; a source's backups stay in
 * their order.
 */
function sortBySource(entries: readonly ListedBackup[], known: readonly string[]): ListedBackup[] {
  const names = [...new Set(entries.map(({ source }) => source))].sort();
  const order = new Map([...known, ...names.filter((name) => !known.includes(name))].map((name, index) => [name, index]));
  return entries.toSorted((a, b) => (order.get(a.source) ?? 0) - (order.get(b.source) ?? 0));
}
