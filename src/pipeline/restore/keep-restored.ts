/**
 * Restores into a throwaway that stays open for people to look into: a server or a directory of
 * this run's own, private to its user. Nothing of the user's is touched, so that there is neither
 * preflight nor safety backup.
 */
import type { Place } from "../../engines/place.ts";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { defaultSandbox } from "../../policy/defaults.ts";
import { findSource } from "../../policy/safety-series.ts";
import type { FoundBackup } from "../catalogue/find-backups.ts";
import { whileReading } from "../catalogue/with-read-mark.ts";
import { recordingDamage } from "../damage/record-damage.ts";
import { replayErasures, requireLedger } from "../erasures/replay-erasures.ts";
import { storedBytesOf } from "../opening/open-chain.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { soundContent } from "../restore-test.ts";
import { createStopwatch } from "../runs/stopwatch.ts";
import { loadAndCompare } from "./load-and-compare.ts";
import { openForRestore } from "./open-for-restore.ts";
import { refuseDamaged } from "./refuse-request.ts";
import type { RestoreOptions } from "./restore-options.ts";
import type { RestoreResult } from "./restore-result.ts";
import { describePart } from "./restored-part.ts";
import { isAllowed } from "./set-aside.ts";

export interface KeptRestore {
  readonly result: RestoreResult;
  /** How a person looks into it, a command or a path a line. */
  readonly access: readonly string[];
  /** Removes it with all that it holds. Never throws. */
  close(): Promise<void>;
}

/**
 * What differs is kept as well: it is there to be looked at, and `result.intact` says so. Errors:
 * BackupDamaged, UsageInvalid (a switch for targets), those of Engine.openThrowaway and of reading.
 */
export async function keepRestored(
  context: PipelineContext,
  found: FoundBackup,
  options: Pick<RestoreOptions, "allowDamaged" | "assertions" | "only" | "withoutErasures">,
): Promise<KeptRestore> {
  return whileReading(context, found, "restore", () =>
    recordingDamage(context, found, () => loadThrowaway(context, found, { to: "a throwaway", overwrite: false, ...options })),
  );
}

async function loadThrowaway(context: PipelineContext, found: FoundBackup, options: RestoreOptions): Promise<KeptRestore> {
  const stopwatch = createStopwatch(context.run.clock);
  refuseDamaged(found, options);
  const { manifest, manifestSha256, digestKey, engine, chain, forged } = await openForRestore(context, found, options);
  const source = findSource(context.policy, manifest.source);
  const run = { ...context.run, sandbox: source?.restoreTest.sandbox ?? defaultSandbox };
  const verified = await stopwatch.time("verify", () => soundContent(context, found, manifestSha256, digestKey));
  if (verified === undefined && !options.allowDamaged) {
    throw new HoldfastError("BackupDamaged", `backup ${manifest.id} does not verify; nothing was restored from it`);
  }
  await requireLedger(context, found, options);
  run.progress.phase("restore", storedBytesOf(chain.manifests));
  const place = await stopwatch.time("open", () => engine.openThrowaway(chain.readers, run, source, options.only));
  try {
    const loaded = await loadAndCompare({ ...context, run }, place, verified, options, stopwatch);
    const asOf = manifest.coverage.to.at;
    const erasures = await stopwatch.time("erase", () => replayErasures(context, found, place, asOf, options));
    const findings = [...forged, ...chain.damage, ...loaded.findings];
    const result: RestoreResult = {
      intact: loaded.comparison.equal && findings.every(isAllowed),
      source: manifest.source,
      backupId: manifest.id,
      target: options.to,
      comparison: loaded.comparison,
      ...describePart(place, verified?.digest),
      loadFindings: findings,
      assertions: loaded.assertions,
      erasures,
      place: place.facts,
      timings: stopwatch.timings,
    };
    return { result, access: await openToPeople(place, engine.name), close: () => place.close() };
  } catch (error) {
    await place.close();
    throw error;
  }
}

async function openToPeople(place: Place, engine: string): Promise<readonly string[]> {
  if (place.openToPeople !== undefined) return place.openToPeople();
  throw new HoldfastError("SourceUnsupported", `nobody can look into a throwaway of the ${engine} engine`);
}
