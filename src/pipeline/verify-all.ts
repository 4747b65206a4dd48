/**
 * The step that verifies every backup, or a source's, in every vault, and what no backup's own
 * verification finds.
 */
import { HoldfastError, isHoldfastError } from "../errors/holdfast-error.ts";
import type { BackupPlace } from "../vault/layout.ts";
import { describeDeletion, listRecentDeletions } from "../vault/list-deleted.ts";
import { describeForged, listForgedTombstones } from "../vault/list-forged.ts";
import { confirmLost, describeLost } from "../vault/list-lost.ts";
import { type FoundBackup, isUsed, vaultsFor, vaultsOf } from "./catalogue/find-backups.ts";
import { findInstructionsProblem } from "./export/vault-instructions.ts";
import { listEntries } from "./list-source.ts";
import type { PipelineContext } from "./pipeline-context.ts";
import { type VerifyResult, verifyBackup } from "./verify.ts";

/** A backup that could not be judged, beside those that were. */
export interface Unjudged {
  readonly source: string;
  readonly backupId: string;
  readonly error: HoldfastError;
}

/** A vault that could not be looked into. */
export interface Unread {
  readonly vault: string;
  readonly error: HoldfastError;
}

/** What a listing shows beside the backups (catalogue.ts). */
interface Noticed {
  readonly unclaimed: BackupPlace[];
  readonly forged: string[];
}

export interface Verified {
  readonly results: readonly VerifyResult[];
  readonly unjudged: readonly Unjudged[];
  readonly unread: readonly Unread[];
}

/**
 * Verifies every backup, or a source's, in every vault: neither a backup nor a vault that fails
 * keeps the others from being judged. Errors: Interrupted alone; every other is part of what it
 * gives.
 */
export async function verifyAll(context: PipelineContext, source: string | undefined): Promise<Verified> {
  const verified = { results: [] as VerifyResult[], unjudged: [] as Unjudged[], unread: [] as Unread[] };
  for (const vault of source === undefined ? vaultsOf(context.policy) : vaultsFor(context.policy, source)) {
    try {
      const noticed: Noticed = { unclaimed: [], forged: [] };
      for await (const found of select(context, vault, source, noticed)) await verifyOne(context, found, verified);
      await findMissing(context, vault, source, noticed, verified);
    } catch (error) {
      if (!isHoldfastError(error) || error.name === "Interrupted") throw error;
      // A vault that no source uses yet need not be there.
      if (error.name !== "VaultNotFound" || isUsed(context.policy, vault)) verified.unread.push({ vault, error });
    }
  }
  return verified;
}

async function verifyOne(
  context: PipelineContext,
  found: FoundBackup,
  { results, unjudged }: { readonly results: VerifyResult[]; readonly unjudged: Unjudged[] },
): Promise<void> {
  const { source, id } = found.entry;
  try {
    results.push(await verifyBackup(context, found));
  } catch (error) {
    if (!isHoldfastError(error) || error.name === "Interrupted") throw error;
    // Pruned since it was listed: a verification of everything takes hours.
    if (error.name === "BackupNotFound") context.run.log.warn(error.message);
    else unjudged.push({ source, backupId: id, error });
  }
}

async function* select(
  context: PipelineContext,
  vaultName: string,
  source: string | undefined,
  { unclaimed, forged }: Noticed,
): AsyncGenerator<FoundBackup> {
  const vault = await context.vaultOf(vaultName);
  const onUnclaimed = (place: BackupPlace): void => void unclaimed.push(place);
  const onForged = (key: string): void => void forged.push(key);
  for await (const entry of listEntries(context, vault, { source, onUnclaimed, onForged })) yield { entry, vault };
}

/**
 * What no backup's own verification finds: manifests that are gone, and, when all is verified,
 * instructions that others wrote.
 */
async function findMissing(
  context: PipelineContext,
  vault: string,
  source: string | undefined,
  { unclaimed, forged }: Noticed,
  { unjudged, unread }: { readonly unjudged: Unjudged[]; readonly unread: Unread[] },
): Promise<void> {
  const opened = await context.vaultOf(vault);
  const { store } = opened;
  for (const place of await confirmLost(opened, unclaimed)) {
    const { message, remedy } = describeLost(place, store);
    const error = new HoldfastError("ManifestDamaged", message, { hint: remedy });
    unjudged.push({ source: place.source, backupId: place.id, error });
  }
  const { log, clock } = context.run;
  const now = clock.now();
  for await (const deletion of listRecentDeletions(opened, source === undefined ? { now } : { source, now })) {
    const { message, remedy } = describeDeletion(deletion, store.url, now);
    log.warn(`${message}. ${remedy}`);
  }
  for await (const key of listForgedTombstones(opened, { source, signal: context.run.signal })) forged.push(key);
  if (forged.length > 0) {
    const { message, remedy } = describeForged(forged, store.url);
    log.warn(`${message}. ${remedy}`);
  }
  if (source !== undefined) return;
  const problem = await findInstructionsProblem(context.engines, store);
  if (problem !== undefined)
    unread.push({ vault, error: new HoldfastError("VaultDamaged", problem.message, { hint: problem.remedy }) });
}
