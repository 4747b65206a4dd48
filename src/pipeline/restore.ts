/**
 * The step that restores a backup to a place of the user's. Its order is what keeps it safe: look
 * at the target, read the backup back, back up what is replaced, load beside it, compare, assert,
 * take out what was erased since, and only then give the copy the target's name. Nothing existing
 * is destroyed; an engine's commit() keeps what it replaces under another name.
 */

import { requirePassed } from "../engines/preflight.ts";
import type { RestorePlan } from "../engines/restore-request.ts";
import { HoldfastError } from "../errors/holdfast-error.ts";
import { findSource } from "../policy/safety-series.ts";
import { type Manifest, readManifest } from "../vault/documents/manifest.ts";
import { recordingRestore } from "./audit/record-restore.ts";
import type { FoundBackup } from "./catalogue/find-backups.ts";
import { whileReading } from "./catalogue/with-read-mark.ts";
import { recordDamage, recordingDamage } from "./damage/record-damage.ts";
import { checkErasures, replayErasures, requireLedger } from "./erasures/replay-erasures.ts";
import { storedBytesOf } from "./opening/open-chain.ts";
import { describeThaw, findThaw } from "./opening/thaw.ts";
import type { PipelineContext } from "./pipeline-context.ts";
import { guardOverwrite, type OverwriteGuard } from "./restore/guard-overwrite.ts";
import { loadAndCompare } from "./restore/load-and-compare.ts";
import { openForRestore } from "./restore/open-for-restore.ts";
import { recordRestored } from "./restore/record-restored.ts";
import { refuseDamaged } from "./restore/refuse-request.ts";
import { type RestoreOptions, requestOf } from "./restore/restore-options.ts";
import type { RestoreResult } from "./restore/restore-result.ts";
import { describePart } from "./restore/restored-part.ts";
import { takeSafetyBackup } from "./restore/safety-backup.ts";
import { isAllowed, setAside } from "./restore/set-aside.ts";
import { soundContent } from "./restore-test.ts";
import { createStopwatch } from "./runs/stopwatch.ts";

/**
 * Says what restoring would do, how long a backup in an archive takes to be readable included;
 * touches nothing. Errors: BackupDamaged, as the restore; those of Engine.planRestore, and of
 * reading the manifest.
 */
export async function planRestore(context: PipelineContext, found: FoundBackup, options: RestoreOptions): Promise<RestorePlan> {
  refuseDamaged(found, options);
  const { manifest, engine, chain } = await openForRestore(context, found, options);
  const source = findSource(context.policy, manifest.source);
  const plan = await engine.planRestore(chain.readers, source, requestOf(options), context.run);
  const thaw = await findThaw(found.vault.store, manifest);
  const steps = plan.occupied && options.safetyBackup !== false ? [`back up what stands at ${plan.target}, and hold that`] : [];
  const erasures = await checkErasures(context, found, options.until ?? manifest.coverage.to.at, options);
  return {
    ...plan,
    checks: [...plan.checks, ...erasures],
    steps: [...(thaw === undefined ? [] : [describeThaw(thaw)]), ...steps, ...plan.steps],
  };
}

/** As planRestore. Errors: those, and RestoreRefused with every check that failed. */
export async function requireRestorable(
  context: PipelineContext,
  found: FoundBackup,
  options: RestoreOptions,
): Promise<RestorePlan> {
  const plan = await planRestore(context, found, options);
  requirePassed(plan.checks, plan.target);
  return plan;
}

/**
 * Restores one backup and compares the result with it.
 * Errors: BackupDamaged (before anything is touched), ApprovalNeeded and ApprovalRefused (the
 * same), RestoreRefused (a check failed, or the safety backup), RestoreFailed, RestoreDiffers (what
 * was loaded is kept beside the target unless it is to be discarded), those of reading.
 */
export async function restoreBackup(context: PipelineContext, found: FoundBackup, options: RestoreOptions): Promise<RestoreResult> {
  return whileReading(context, found, "restore", () =>
    recordingRestore(context, found, { ...options, overwrite: requestOf(options).overwrite }, () =>
      recordingDamage(context, found, async () => {
        const result = await restoreMarked(context, found, options);
        await recordSalvaged(context, found, result);
        return result;
      }),
    ),
  );
}

/** What a salvage skipped of the backup's own artifacts is damage like any other. */
async function recordSalvaged(context: PipelineContext, found: FoundBackup, { loadFindings }: RestoreResult): Promise<void> {
  const damage = loadFindings.filter((finding) => finding.class === "damage");
  if (damage.length === 0) return;
  const { artifacts } = (await readManifest(found.vault.store, found.entry.source, found.entry.id)).manifest;
  const own = damage.filter(({ subject }) => artifacts.some(({ name }) => name === subject));
  if (own.length > 0)
    await recordDamage(
      context,
      found,
      own.map(({ subject, message }) => `${subject}: ${message}`),
    );
}

async function restoreMarked(context: PipelineContext, found: FoundBackup, options: RestoreOptions): Promise<RestoreResult> {
  const stopwatch = createStopwatch(context.run.clock);
  refuseDamaged(found, options);
  const opened = await openForRestore(context, found, options);
  const { manifest, manifestSha256, digestKey, engine, chain } = opened;
  const request = requestOf(options);
  await requireLedger(context, found, options);
  const { occupied, guard } = await preflight(context, found, options, opened);
  const verified = await stopwatch.time("verify", () => soundContent(context, found, manifestSha256, digestKey));
  if (verified === undefined) refuseUnsound(manifest, options);
  const safetyBackup =
    occupied && options.safetyBackup !== false
      ? await stopwatch.time("safetyBackup", () => takeSafetyBackup(context, engine, found, request, options.safetyTaken))
      : undefined;
  await guard?.useApproval();
  context.run.progress.phase("restore", storedBytesOf(chain.manifests));
  const place = await stopwatch.time("open", () =>
    engine.openTarget(chain.readers, findSource(context.policy, manifest.source), request, context.run),
  );
  try {
    const loaded = await loadAndCompare(context, place, verified, options, stopwatch);
    const asOf = options.until ?? manifest.coverage.to.at;
    // Before what differs is kept beside the target, too: people look into that.
    const erasures = await stopwatch.time("erase", () => replayErasures(context, found, place, asOf, options));
    const findings = [...opened.forged, ...chain.damage, ...loaded.findings];
    const intact = loaded.comparison.equal && findings.every(isAllowed);
    const failed = occupied ? loaded.assertions.filter(({ passed }) => !passed) : [];
    if ((!intact || failed.length > 0) && !options.allowDamaged) {
      throw await setAside(manifest, { ...loaded, findings, failed }, place, options);
    }
    await guard?.requireSameTarget();
    await stopwatch.time("commit", () => place.commit());
    const live = place.live?.();
    const result: RestoreResult = {
      intact,
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
      ...(safetyBackup === undefined ? {} : { safetyBackup }),
      ...(live === undefined ? {} : { live }),
    };
    // What was only counted restored nothing.
    if (live?.applied === false) return result;
    return { ...result, ...(await recordRestored(context, found, manifestSha256, result)) };
  } finally {
    await place.close();
  }
}

/** Errors: BackupDamaged. */
function refuseUnsound({ id }: Manifest, { allowDamaged }: RestoreOptions): void {
  if (!allowDamaged) throw new HoldfastError("BackupDamaged", `backup ${id} does not verify; nothing was restored from it`);
}

/**
 * Everything that can be known before anything is touched. Errors: RestoreRefused, ApprovalNeeded.
 */
async function preflight(
  context: PipelineContext,
  found: FoundBackup,
  options: RestoreOptions,
  { manifest, engine, chain }: Awaited<ReturnType<typeof openForRestore>>,
): Promise<{ readonly occupied: boolean; readonly guard: OverwriteGuard | undefined }> {
  const { policy, run } = context;
  run.progress.phase("preflight");
  const survey = () => engine.planRestore(chain.readers, findSource(policy, manifest.source), requestOf(options), run);
  const plan = await survey();
  requirePassed(plan.checks, plan.target);
  for (const { level, subject, message, remedy } of plan.checks) {
    if (subject === "selection" && level !== "warning") run.log.info(message);
    if (level === "warning") run.log.warn(remedy === undefined ? message : `${message}. ${remedy}`);
  }
  return { occupied: plan.occupied, guard: guardOverwrite(context, found, options, plan, survey) };
}
