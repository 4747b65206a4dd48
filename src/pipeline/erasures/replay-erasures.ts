/**
 * What was erased from production since a backup is taken out of its restored copy, before anybody
 * gets it (docs/erasures.md).
 */
import type { Finding } from "../../engines/finding.ts";
import type { Place } from "../../engines/place.ts";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { ledgerSourceOf } from "../../policy/safety-series.ts";
import { countOf } from "../../proof/compare-digests.ts";
import { type ErasureOutcome, type ErasureReport, noErasures, type UnmetErasures } from "../../proof/erasure.ts";
import type { FoundBackup } from "../catalogue/find-backups.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { chooseErasures, targetsOf } from "./choose-erasures.ts";
import { type Ledger, readLedger } from "./read-ledger.ts";
import { refuseCutOff } from "./refuse-cut-off.ts";

export interface ReplayOptions {
  /** Hands the copy over although the ledger, or an erasure, could not be replayed. */
  readonly withoutErasures?: boolean | undefined;
}

/**
 * The ledger of a backup's source, before anything is loaded: a restore that would be refused at
 * its end is refused at its beginning. Errors: ErasuresUnreadable, unless the word is given; those
 * of the store.
 */
export async function requireLedger(
  context: PipelineContext,
  { vault, entry }: FoundBackup,
  options: ReplayOptions,
): Promise<Ledger> {
  const source = ledgerSourceOf(context.policy, entry.source);
  const ledger = await readLedger(context, vault, source);
  const { problems } = ledger;
  if (problems.length === 0) return ledger;
  if (options.withoutErasures !== true) {
    throw new HoldfastError(
      "ErasuresUnreadable",
      `the erasure ledger of "${source}" cannot be trusted (${countOf(problems.length, "problem")}): people erased from it could come back`,
      { details: problems },
    );
  }
  for (const problem of problems) context.run.log.warn(`${problem}; the restore goes on, as was asked for`);
  return ledger;
}

/**
 * What a dry run says of the ledger: how much would be replayed, or what refuses the restore.
 * Errors: those of readLedger.
 */
export async function checkErasures(
  context: PipelineContext,
  { vault, entry }: FoundBackup,
  asOf: string,
  { withoutErasures }: ReplayOptions,
): Promise<Finding[]> {
  const source = ledgerSourceOf(context.policy, entry.source);
  const { entries, problems } = await readLedger(context, vault, source);
  const { replayed } = chooseErasures(entries, asOf);
  const subject = "erasures";
  const count = `${replayed.length} of ${entries.length} recorded for ${source} would be replayed, those newer than the backup`;
  if (problems.length === 0) return entries.length === 0 ? [] : [{ level: "ok", subject, message: count }];
  const remedy = `Bring the entries back from a copy of the vault, or replay what can be read with --without-erasures.`;
  const level = withoutErasures === true ? "warning" : "error";
  return [{ level, subject, message: `the erasure ledger cannot be trusted: ${problems[0]}`, remedy, details: problems }];
}

/**
 * Replays the ledger in what was loaded, as the ledger is now: a load takes hours, and somebody may
 * have been erased meanwhile. `asOf` is the instant that was restored.
 * Errors: ErasuresUnreadable, ErasuresRefused (what has to go is still there), unless the word is
 * given; those of Place.erase.
 */
export async function replayErasures(
  context: PipelineContext,
  found: FoundBackup,
  place: Pick<Place, "erase" | "selection">,
  asOf: string,
  options: ReplayOptions,
): Promise<ErasureReport> {
  const { entries, problems } = await requireLedger(context, found, options);
  const { replayed, older } = chooseErasures(entries, asOf);
  const outcome = refuseCutOff(await eraseIn(place, targetsOf(replayed), targetsOf(older)), place.selection?.cutOff);
  const { refused } = outcome;
  const report: ErasureReport = { entries: entries.length, replayed: replayed.length, problems, ...outcome };
  if (refused.length > 0 && options.withoutErasures !== true) {
    throw new HoldfastError(
      "ErasuresRefused",
      `${found.entry.id} was restored, and what was erased since could not all be taken out of it; it was removed again`,
      { details: refused.map(describeUnmet) },
    );
  }
  const { log } = context.run;
  for (const each of refused) log.warn(`NOT erased, as was asked for: ${describeUnmet(each)}`);
  for (const each of outcome.notApplicable) log.warn(`erasures without effect: ${describeUnmet(each)}`);
  for (const { object, found: count } of outcome.stillThere) {
    log.warn(
      `${object}: ${count} that the ledger says were erased long before this backup are in it. They came back on purpose, or were never erased`,
    );
  }
  return report;
}

async function eraseIn(
  place: Pick<Place, "erase">,
  targets: ReturnType<typeof targetsOf>,
  older: ReturnType<typeof targetsOf>,
): Promise<ErasureOutcome> {
  if (targets.length === 0 && older.length === 0) return noErasures;
  if (place.erase !== undefined) return place.erase(targets, older);
  if (targets.length === 0) return noErasures;
  const reason = "this engine cannot take anything out of what it restored";
  return { ...noErasures, refused: [{ object: "backup", count: targets.length, reason }] };
}

/** One line, without a value of a key. */
export function describeUnmet({ object, count, reason }: UnmetErasures): string {
  return `${object} (${countOf(count, "erasure")}): ${reason}`;
}
