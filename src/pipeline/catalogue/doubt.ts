/** What speaks against relying on a backup that somebody is about to restore or to carry away. */

import { exitCodes } from "../../errors/exit-codes.ts";
import { type HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import { namesNewestGood } from "../damage/record-damage.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import type { FoundBackup } from "./find-backups.ts";
import { newestGoodBackup } from "./newest-good.ts";
import { readSoundEvidence } from "./read-valid-evidence.ts";

/**
 * Sentences for somebody who is about to rely on a suspicious backup: what was found, and which
 * backup is the newest without such a finding. Empty for one that nothing speaks against. Errors:
 * those of ObjectStore.get.
 */
export async function describeDoubt(context: PipelineContext, { entry, vault }: FoundBackup): Promise<readonly string[]> {
  if (!entry.suspicious) return [];
  const check = entry.checks.findLast(({ check: name }) => name === "suspicious");
  const evidence = check === undefined ? undefined : await readSoundEvidence(vault.store, check.key);
  return [
    `${entry.id} of ${entry.source} is suspicious: it may have been made after data were lost`,
    ...(evidence?.findings ?? []),
    await describeNewestGood(context, entry.source),
  ];
}

/**
 * Runs `work` on a backup; an error of integrity leaves with the newest good backup of the source
 * among its details, for nobody should have to look for it at that moment.
 */
export async function namingNewestGood<T>(context: PipelineContext, { entry }: FoundBackup, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isHoldfastError(error) || error.exitCode !== exitCodes.integrity) throw error;
    // Not the backup's fault: another would fare no better.
    if (isHoldfastError(error, "RestoreDiffers", "KeyMissing", "KeyUnavailable") || namesNewestGood(error)) throw error;
    const line = await describeNewestGood(context, entry.source);
    throw withDetail(error, line);
  }
}

async function describeNewestGood(context: PipelineContext, source: string): Promise<string> {
  const good = await newestGoodBackup(context, source);
  if (good === undefined) return "the newest good backup could not be looked up";
  if (good === null) return `${source} has no other backup that is verified and not suspicious`;
  return `the newest good backup is ${good.id} (${good.state})`;
}

function withDetail(error: HoldfastError, line: string): HoldfastError {
  // The same error, which keeps its name, code and stack for the code that catches it.
  return Object.defineProperty(error, "details", { value: [...error.details, line] });
}
