/**
 * The newest backup of a source that may be relied on: the first thing that somebody asks when one
 * has failed.
 */
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import type { BackupEntry } from "../../vault/catalogue.ts";
import { examineBackup } from "../../vault/examine-backup.ts";
import { followLinks } from "../../vault/examine-base.ts";
import { chainedHistoryOf } from "../list-source.ts";
import { authenticatorOf } from "../opening/authentic-manifest.ts";
import type { PipelineContext } from "../pipeline-context.ts";

export interface SoundBackup {
  readonly id: string;
  readonly state: "verified" | "proven";
  readonly startedAt: Date;
}

/** An alert must not wait for a vault that does not answer: it may be what the alert is about. */
const patienceMs = 15_000;

/**
 * The newest backup that was verified or proven and is neither damaged nor suspicious; null when
 * there is none; undefined when that cannot be found out in a quarter of a minute. Reads keys, and
 * the documents of the backup it names. Never throws, and works on after the run was aborted.
 */
export async function newestGoodBackup(context: PipelineContext, sourceName: string): Promise<SoundBackup | null | undefined> {
  const source = context.policy.sources[sourceName];
  if (source === undefined) return undefined;
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), patienceMs);
  });
  try {
    return await Promise.race([findNewestGood(context, source.vault, sourceName), patience]);
  } catch (error) {
    // A vault that was never written to holds no good backup; anything else says nothing about
    // that.
    return isHoldfastError(error, "VaultNotFound") ? null : undefined;
  } finally {
    clearTimeout(timer);
  }
}

async function findNewestGood(context: PipelineContext, vaultName: string, source: string): Promise<SoundBackup | null> {
  const vault = await context.vaultOf(vaultName);
  const { backups } = await chainedHistoryOf(context, vault, source, AbortSignal.timeout(patienceMs));
  const good = backups.filter(isGood);
  // The newest whose manifest and evidence bear it out: names alone prove nothing.
  const followed = followLinks();
  for (const entry of good.reverse()) {
    const examined = await examineBackup(vault.store, entry, authenticatorOf(context, vault), followed);
    if (examined === undefined || !isGood(examined)) continue;
    const { id, state, startedAt } = examined;
    if (state === "verified" || state === "proven") return { id, state, startedAt };
  }
  return null;
}

function isGood({ state, suspicious, future }: BackupEntry): boolean {
  return !suspicious && !future && (state === "verified" || state === "proven");
}
