/**
 * The step that restores a backup to a place of the user's: loads it beside whatever is there,
 * compares what was loaded with the backup, and only then makes it the user's own. Nothing existing
 * is destroyed; an engine's commit() keeps what it replaces under another name.
 */

import type { Place, RestorePlan, RestoreRequest } from "../engines/engine.ts";
import { HoldfastError, isHoldfastError } from "../errors/holdfast-error.ts";
import { findEngine } from "../policy/engine-policy.ts";
import { countOf } from "../proof/compare-digests.ts";
import type { Comparison, LoadFinding } from "../proof/content.ts";
import { describeInherited } from "../vault/chains.ts";
import { type Manifest, type ReadManifest, readManifest } from "../vault/documents/manifest.ts";
import { recordingRestore } from "./audit/record-restore.ts";
import type { FoundBackup } from "./catalogue/find-backups.ts";
import { whileReading } from "./catalogue/with-read-mark.ts";
import { recordDamage, recordingDamage } from "./damage/record-damage.ts";
import { readAuthenticManifest } from "./opening/authentic-manifest.ts";
import { readDigestKey } from "./opening/digest-keys.ts";
import { openChain, storedBytesOf } from "./opening/open-chain.ts";
import { describeThaw, findThaw } from "./opening/thaw.ts";
import type { PipelineContext } from "./pipeline-context.ts";
import { compareLoaded, soundContent } from "./restore-test.ts";
import { createStopwatch } from "./runs/stopwatch.ts";
import { requireTemporaryDirectory } from "./runs/temporary-directory.ts";
import type { VerifyResult } from "./verify.ts";

export interface RestoreOptions {
  /** As given after --to; the engine says what forms it takes. */
  readonly to: string;
  readonly overwrite: boolean;
  /**
   * Puts into the target what could be loaded even when the backup is damaged or the result
   * differs: the last resort.
   */
  readonly allowDamaged: boolean;
  /** The instant to stop at, ISO 8601; absent: the end of what the backup has. */
  readonly until?: string | undefined;
  /** Removes a result that differs, where it would be kept beside the target. */
  readonly discardDifferent?: boolean | undefined;
  /** Switches that engines add (EnginePolicy.restore), by their names. */
  readonly flags?: ReadonlySet<string> | undefined;
}

export interface RestoreResult {
  readonly source: string;
  readonly backupId: string;
  readonly target: string;
  /**
   * Whether everything was loaded and compared equal, but for what the policy excepts; false only
   * for what was salvaged with `allowDamaged`.
   */
  readonly intact: boolean;
  readonly comparison: Comparison;
  readonly loadFindings: readonly LoadFinding[];
  readonly place: Readonly<Record<string, unknown>>;
  readonly timings: Readonly<Record<string, number>>;
}

/**
 * Says what restoring would do, how long a backup in an archive takes to be readable included;
 * touches nothing. Errors: BackupDamaged, as the restore; those of Engine.planRestore, and of
 * reading the manifest.
 */
export async function planRestore(context: PipelineContext, found: FoundBackup, options: RestoreOptions): Promise<RestorePlan> {
  refuseDamaged(found, options);
  const { manifest, engine, chain } = await openForRestore(context, found, options);
  const plan = await engine.planRestore(chain.readers, context.policy.sources[manifest.source], requestOf(options), context.run);
  const thaw = await findThaw(found.vault.store, manifest);
  return thaw === undefined ? plan : { ...plan, steps: [describeThaw(thaw), ...plan.steps] };
}

/**
 * Restores one backup and compares the result with it.
 * Errors: BackupDamaged (before anything is touched), RestoreRefused, RestoreFailed, RestoreDiffers
 * (what was loaded is kept beside the target unless it is to be discarded), those of reading.
 */
export async function restoreBackup(context: PipelineContext, found: FoundBackup, options: RestoreOptions): Promise<RestoreResult> {
  return whileReading(context, found, "restore", () =>
    recordingRestore(context, found, options, () =>
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
  const { run } = context;
  const stopwatch = createStopwatch(run.clock);
  refuseDamaged(found, options);
  const { manifest, manifestSha256, digestKey, engine, chain, forged } = await openForRestore(context, found, options);
  const verified = await stopwatch.time("verify", () => soundContent(context, found, manifestSha256, digestKey));
  if (verified === undefined && !options.allowDamaged) {
    throw new HoldfastError("BackupDamaged", `backup ${manifest.id} does not verify; nothing was restored from it`);
  }
  const request = requestOf(options);
  run.progress.phase("restore", storedBytesOf(chain.manifests));
  const place = await stopwatch.time("open", () =>
    engine.openTarget(chain.readers, context.policy.sources[manifest.source], request, run),
  );
  try {
    const loaded = await stopwatch.time("load", () => place.load());
    const findings = [...forged, ...chain.damage, ...loaded.findings];
    run.progress.phase("compare");
    const comparison = await stopwatch.time("compare", () => compareWith(place, verified));
    const intact = comparison.equal && findings.every(isAllowed);
    if (!intact && !options.allowDamaged) throw await setAside(manifest, findings, comparison, place, options);
    await place.commit();
    return {
      intact,
      source: manifest.source,
      backupId: manifest.id,
      target: options.to,
      comparison,
      loadFindings: findings,
      place: place.facts,
      timings: stopwatch.timings,
    };
  } finally {
    await place.close();
  }
}

async function openForRestore(context: PipelineContext, found: FoundBackup, options: RestoreOptions) {
  const { allowDamaged, flags, until } = options;
  const { manifest, sha256, forged } = await readForRestore(context, found, allowDamaged);
  refuseFlags(context, manifest.engine, flags);
  await requireTemporaryDirectory(context.run.temporaryDirectory);
  refuseUntil(manifest, until);
  const engine = await context.engineOf(manifest.engine);
  const digestKey = await readDigestKey(context, found.vault, manifest);
  return {
    manifest,
    manifestSha256: sha256,
    digestKey,
    engine,
    forged,
    chain: await openChain(context, found.vault, manifest, engine, { salvage: allowDamaged, digestKey }),
  };
}

/** A switch that its engine does not know would be forgotten silently. Errors: UsageInvalid. */
function refuseFlags({ engines }: PipelineContext, engine: string, flags: ReadonlySet<string> = new Set()): void {
  const known = findEngine(engines.policies, engine)?.restore.flags ?? [];
  const unknown = [...flags].find((flag) => !known.some(({ name }) => name === flag));
  if (unknown === undefined) return;
  throw new HoldfastError("UsageInvalid", `--${unknown} means nothing for a backup of the ${engine} engine`, {
    hint: `Leave --${unknown} out.`,
  });
}

/**
 * A user who takes what is damaged may take a backup whose manifest nobody vouches for; that is
 * damage, and is said.
 */
async function readForRestore(
  context: PipelineContext,
  found: FoundBackup,
  allowDamaged: boolean,
): Promise<ReadManifest & { readonly forged: readonly LoadFinding[] }> {
  const { source, id } = found.entry;
  try {
    return { ...(await readAuthenticManifest(context, found.vault, source, id)), forged: [] };
  } catch (error) {
    if (!allowDamaged || !isHoldfastError(error, "ManifestDamaged")) throw error;
    // Fails as before when the manifest itself cannot be read.
    const read = await readManifest(found.vault.store, source, id);
    context.run.log.warn(error.message);
    return { ...read, forged: [{ class: "damage", subject: "manifest", message: error.message }] };
  }
}

function refuseDamaged({ entry }: FoundBackup, options: RestoreOptions): void {
  if (entry.state !== "damaged" || options.allowDamaged) return;
  const inherited = describeInherited(entry);
  const why = inherited ?? "a check after it was made found that it is not what was written";
  throw new HoldfastError("BackupDamaged", `backup ${entry.id} is damaged: ${why}`, {
    hint: "Choose another from `holdfast list`, see what was found with `holdfast show`, or salvage what loads with --allow-damaged.",
  });
}

/**
 * A damaged backup that is salvaged leaves nothing to compare with, and that is said.
 */
async function compareWith(place: Place, verified: Pick<VerifyResult, "digest"> | undefined): Promise<Comparison> {
  if (verified !== undefined) return compareLoaded(place, verified.digest);
  const problem = "the backup does not verify; there is nothing to compare with";
  return {
    equal: false,
    objectsCompared: 0,
    rowsCompared: 0,
    bytesCompared: 0,
    differenceCount: 1,
    differences: [{ object: "backup", problem }],
  };
}

function requestOf({ to, overwrite, flags, until }: RestoreOptions): RestoreRequest {
  return { target: to, overwrite, until: until === undefined ? undefined : { at: until }, flags };
}

/**
 * A backup holds what happened between where it goes on and where it ends. Errors: UsageInvalid.
 */
function refuseUntil({ id, coverage: { from, to } }: Manifest, until: string | undefined): void {
  if (until === undefined || (from !== undefined && from.at <= until && until <= to.at)) return;
  const held = from === undefined ? `only the state of ${to.at}` : `what happened from ${from.at} to ${to.at}`;
  throw new HoldfastError("UsageInvalid", `backup ${id} cannot be restored to ${until}: it has ${held}`, {
    hint: "Choose the backup whose coverage has that instant: `holdfast show <backup>` says what a backup has.",
  });
}

const isAllowed = (finding: LoadFinding): boolean => finding.class === "benign" || finding.class === "excepted";

/**
 * Keeps what differs beside the target, unless it is to be discarded: a database with one odd view
 * is better than none. Gives the error.
 */
async function setAside(
  manifest: Manifest,
  findings: readonly LoadFinding[],
  comparison: Comparison,
  place: Place,
  options: RestoreOptions,
): Promise<HoldfastError> {
  const failures = findings.filter((finding) => !isAllowed(finding)).map(({ subject, message }) => `${subject}: ${message}`);
  const differences = comparison.differences.map(({ object, problem }) => `${object}: ${problem}`);
  const what = [
    ...(comparison.differenceCount === 0 ? [] : [countOf(comparison.differenceCount, "difference")]),
    ...(failures.length === 0 ? [] : [`${countOf(failures.length, "thing")} not restored`]),
  ].join(", ");
  const kept = options.discardDifferent === true ? undefined : await place.keepBeside();
  const outcome = kept === undefined ? "it was removed again" : `it is kept as ${kept}`;
  return new HoldfastError(
    "RestoreDiffers",
    `what was restored to ${options.to} is not all that backup ${manifest.id} contains (${what}); ${outcome}`,
    {
      details: [...failures, ...differences],
      hint:
        kept === undefined
          ? "Fix what the target lacks and restore again, or leave out --discard-different to keep what loads."
          : "Look at the differences: use what was kept, or fix what the target lacks and restore again.",
    },
  );
}
