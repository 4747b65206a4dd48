/**
 * A source's history, listed once a run: every step of the run works on the same listing, to which
 * is added what the run itself writes. What deletes lists anew, under its lease (ADR 0033).
 */
import { type BackupEntry, entryOf, listBackups } from "../../vault/catalogue.ts";
import type { Evidence } from "../../vault/documents/evidence.ts";
import { type BackupPlace, type EvidenceKey, parseEvidenceKey } from "../../vault/layout.ts";
import { compareKeys } from "../../vault/object-key.ts";
import type { Vault } from "../../vault/vault.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import type { SourceHistory } from "./histories.ts";

type Listing = Pick<PipelineContext, "run" | "histories">;

/**
 * The history, as far as this run has not listed it before by `signal`. What others changed since
 * is not in it. Errors: those of ObjectStore.list; the next caller lists again.
 */
export function historyOf(context: Listing, vault: Vault, source: string, signal?: AbortSignal): Promise<SourceHistory> {
  return context.histories.get(nameOf(vault, source)) ?? listAnew(context, vault, source, signal);
}

/** Lists the history whatever is known of it, for all that comes after. Errors: as historyOf. */
export function listAnew(context: Listing, vault: Vault, source: string, signal?: AbortSignal): Promise<SourceHistory> {
  const { histories } = context;
  const name = nameOf(vault, source);
  const listing = listHistory(context, vault, source, signal ?? context.run.signal);
  histories.set(name, listing);
  listing.catch(() => {
    if (histories.get(name) === listing) histories.delete(name);
  });
  return listing;
}

/** Takes the backups out of it that this run has deleted. */
export async function noteDeletions(context: Listing, vault: Vault, source: string, ids: readonly string[]): Promise<void> {
  const deleted = new Set(ids);
  await amend(context, vault, source, (known) => ({ ...known, backups: known.backups.filter(({ id }) => !deleted.has(id)) }));
}

/** Adds evidence that this run has written to what it knows. */
export async function noteEvidence(
  context: Listing,
  vault: Vault,
  { source, backupId }: Evidence,
  key: EvidenceKey,
): Promise<void> {
  const now = context.run.clock.now();
  await amend(context, vault, source, (known) => ({
    ...known,
    backups: known.backups.map((entry) => {
      if (entry.id !== backupId) return entry;
      const checks = [...entry.earlierChecks, ...entry.checks, ...entry.futureChecks, { ...key, storedAt: now }].flatMap((each) => {
        const name = parseEvidenceKey(each.key);
        return name === undefined ? [] : [{ ...name, storedAt: each.storedAt }];
      });
      checks.sort((a, b) => compareKeys(a.key, b.key));
      const { held, forged } = entry;
      return { ...entry, ...entryOf(vault, entry, { checks, holds: [] }, now), held, forged };
    }),
  }));
}

/** Adds a backup that this run has committed. */
export async function noteBackup(context: Listing, vault: Vault, place: BackupPlace): Promise<void> {
  const now = context.run.clock.now();
  const entry = entryOf(vault, place, { checks: [], holds: [] }, now);
  if (entry === undefined) return;
  await amend(context, vault, place.source, (known) => {
    const { backups } = known;
    const later = backups.findIndex(({ id }) => id > place.id);
    return { ...known, backups: backups.toSpliced(later < 0 ? backups.length : later, 0, { ...entry, storedAt: now }) };
  });
}

async function amend(
  { histories }: Listing,
  vault: Vault,
  source: string,
  change: (known: SourceHistory) => SourceHistory,
): Promise<void> {
  const name = nameOf(vault, source);
  const known = await histories.get(name)?.catch(() => undefined);
  if (known !== undefined) histories.set(name, Promise.resolve(change(known)));
}

async function listHistory({ run }: Listing, vault: Vault, source: string, signal: AbortSignal): Promise<SourceHistory> {
  const unclaimed: BackupPlace[] = [];
  const onUnclaimed = (place: BackupPlace): void => void unclaimed.push(place);
  const backups: BackupEntry[] = [];
  for await (const entry of listBackups(vault, { source, now: run.clock.now(), signal, onUnclaimed })) backups.push(entry);
  return { source, backups, unclaimed };
}

/** No name of a vault or source has a slash. */
function nameOf({ name }: Vault, source: string): string {
  return `${name}/${source}`;
}
