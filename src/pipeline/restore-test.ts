/**
 * The step that proves a backup: loads it into a throwaway target, digests what was loaded,
 * compares it with the backup object by object and with what the source said of itself, runs the
 * policy's assertions, and measures the time (design, "How a restore is proven").
 */

import type { Place } from "../engines/place.ts";
import { HoldfastError } from "../errors/holdfast-error.ts";
import { defaultMaxTestSeconds, defaultSandbox } from "../policy/defaults.ts";
import type { AssertionResult, Comparison, ContentDigest, LoadFinding, SourceCheckResult } from "../proof/content.ts";
import type { DigestKey } from "../sealing/digest-key.ts";
import type { Evidence } from "../vault/documents/evidence.ts";
import type { FoundBackup } from "./catalogue/find-backups.ts";
import { readSoundEvidence } from "./catalogue/read-valid-evidence.ts";
import { beginEvidence, recordEvidence } from "./catalogue/record-evidence.ts";
import { whileReading } from "./catalogue/with-read-mark.ts";
import { findDamage } from "./damage/damage-or-throw.ts";
import { readAuthenticManifest } from "./opening/authentic-manifest.ts";
import { openDigest, openSourceCheck, readDigestKey } from "./opening/digest-keys.ts";
import { openChain, storedBytesOf } from "./opening/open-chain.ts";
import type { PipelineContext } from "./pipeline-context.ts";
import { type LimitedRun, limitDuration } from "./runs/limit-duration.ts";
import { measureObjective } from "./runs/measure-objective.ts";
import { createStopwatch, type Stopwatch } from "./runs/stopwatch.ts";
import { requireTemporaryDirectory } from "./runs/temporary-directory.ts";
import { type VerifyResult, verifyBackup } from "./verify.ts";

export interface RestoreTestResult {
  readonly source: string;
  readonly backupId: string;
  readonly outcome: "proven" | "unproven" | "disproven";
  readonly evidence: Evidence;
  /**
   * Why the evidence is not in the vault, where that took no writes; the backup's state is then
   * what it was.
   */
  readonly unrecorded?: HoldfastError | undefined;
}

/**
 * Restore-tests one backup and appends the evidence. A backup that does not restore, or restores to
 * something else, is a result (`disproven`), and so is a place that lacks what the backup needs
 * (`unproven`).
 * Errors: whatever keeps it from judging: StoreUnavailable, KeyMissing, KeyUnavailable,
 * ToolMissing, DiskFull, ThrowawayFailed, Interrupted, BackupNotFound (deleted meanwhile).
 */
export async function restoreTest(context: PipelineContext, found: FoundBackup): Promise<RestoreTestResult> {
  return whileReading(context, found, "restore test", () => testMarked(context, found));
}

async function testMarked(context: PipelineContext, found: FoundBackup): Promise<RestoreTestResult> {
  const { entry } = found;
  const { run } = context;
  const stopwatch = createStopwatch(run.clock);
  const trial = await tryWithinLimits(context, found, stopwatch);
  const evidence: Evidence = {
    ...beginEvidence(context, entry),
    timings: stopwatch.timings,
    ...objectiveOf(context, entry.source, stopwatch, trial.comparison !== undefined),
    ...trial,
  };
  const unrecorded = await recordEvidence(context, found.vault, evidence);
  const result = { source: entry.source, backupId: entry.id, outcome: trial.check, evidence };
  return unrecorded === undefined ? result : { ...result, unrecorded };
}

type Trial = Pick<
  Evidence,
  "findings" | "manifestSha256" | "comparison" | "sourceCheck" | "loadFindings" | "assertions" | "place"
> & {
  readonly check: RestoreTestResult["outcome"];
};

/**
 * A test that the policy's limit ends is no judgement of the backup: the same code may be slow, or
 * never end.
 */
async function tryWithinLimits(context: PipelineContext, found: FoundBackup, stopwatch: Stopwatch): Promise<Trial> {
  const { sandbox = defaultSandbox, maxDurationSeconds = defaultMaxTestSeconds } =
    context.policy.sources[found.entry.source]?.restoreTest ?? {};
  const limited = limitDuration(context.run, maxDurationSeconds, "restoreTest.maxDuration");
  try {
    const run = { ...limited.run, sandbox };
    return await tryRestore({ ...context, run }, found, stopwatch, limited.expired);
  } finally {
    limited.end();
  }
}

async function tryRestore(
  context: PipelineContext,
  found: FoundBackup,
  stopwatch: Stopwatch,
  expired: LimitedRun["expired"],
): Promise<Trial> {
  const { entry } = found;
  let manifestSha256 = "";
  try {
    const read = await readAuthenticManifest(context, found.vault, entry.source, entry.id);
    manifestSha256 = read.sha256;
    const digestKey = await readDigestKey(context, found.vault, read.manifest);
    const verified = await stopwatch.time("verify", () => soundContent(context, found, manifestSha256, digestKey));
    if (verified === undefined) {
      return { check: "disproven", findings: ["the backup does not verify: see the evidence written just before"], manifestSha256 };
    }
    await requireTemporaryDirectory(context.run.temporaryDirectory);
    const engine = await context.engineOf(read.manifest.engine);
    const chain = await openChain(context, found.vault, read.manifest, engine, { digestKey });
    context.run.progress.phase("restore", storedBytesOf(chain.manifests));
    const place = await stopwatch.time("open", () =>
      engine.openThrowaway(chain.readers, context.run, context.policy.sources[entry.source]),
    );
    try {
      const check = openSourceCheck(read.manifest.sourceCheck, digestKey);
      const examined = await examine(context, place, check, verified.digest, stopwatch);
      // Proof is of the whole chain: what the engine did not need for loading is read back too.
      await chain.readRest();
      return { manifestSha256, ...examined };
    } finally {
      await stopwatch.time("close", () => place.close());
    }
  } catch (error) {
    const overdue = expired();
    if (overdue !== undefined) return { check: "unproven", findings: [`restore test: ${overdue}`], manifestSha256 };
    return { check: "disproven", findings: await findDamage(context, found, error), manifestSha256 };
  }
}

/**
 * What the backup's verification found of its content: the newest of this very manifest that the
 * digest key opens, else one made now. Undefined: it is damaged.
 */
export async function soundContent(
  context: PipelineContext,
  found: FoundBackup,
  manifestSha256: string,
  digestKey: DigestKey | undefined,
): Promise<Pick<VerifyResult, "digest"> | undefined> {
  const { entry } = found;
  const { store } = found.vault;
  for (const { key, check } of [...entry.checks].reverse()) {
    if (check === "damaged") break;
    if (check !== "verified" && check !== "suspicious") continue;
    const evidence = await readSoundEvidence(store, key);
    if (evidence?.manifestSha256 !== manifestSha256) continue;
    if (evidence.digest === undefined) return {};
    const digest = openDigest(evidence.digest, digestKey);
    if (digest !== undefined) return { digest };
  }
  const verified = await verifyBackup(context, found);
  return verified.outcome === "damaged" ? undefined : verified;
}

/**
 * Compares what was loaded with the backup's digest; what has none is read to its end. Errors:
 * those of the place; Internal, where its engine can do neither.
 */
export async function compareLoaded(place: Place, digest: ContentDigest | undefined): Promise<Comparison> {
  if (digest !== undefined) return place.compare(digest);
  if (place.readLoaded !== undefined) return place.readLoaded();
  throw new HoldfastError("Internal", "an engine gave no digest, and cannot read what it loaded");
}

async function examine(
  context: PipelineContext,
  place: Place,
  check: SourceCheckResult,
  digest: ContentDigest | undefined,
  stopwatch: Stopwatch,
): Promise<Omit<Trial, "manifestSha256">> {
  const { progress } = context.run;
  const { findings: loadFindings } = await stopwatch.time("load", () => place.load());
  progress.phase("compare");
  const comparison = await stopwatch.time("compare", () => compareLoaded(place, digest));
  const sourceCheck = await stopwatch.time("sourceCheck", () => place.compareSourceCheck(check));
  const assertions = await stopwatch.time("assert", () => place.assert());
  return {
    ...decide(loadFindings, comparison, sourceCheck, assertions),
    comparison,
    sourceCheck,
    loadFindings,
    assertions,
    place: place.facts,
  };
}

/**
 * The verdict. Damage found while loading, or a difference, disproves: what the server lacks is
 * left out of the comparison object by object, and excuses nothing else. Where the server lacked
 * something, or an assertion failed on data that equal the source's, the backup is neither proven
 * nor damaged. What needs an extension that the policy excepts takes no part.
 */
export function decide(
  loadFindings: readonly LoadFinding[],
  comparison: Comparison,
  sourceCheck: Comparison,
  assertions: readonly AssertionResult[],
): { check: RestoreTestResult["outcome"]; findings: string[] } {
  const say = ({ subject, message }: LoadFinding) => `${subject}: ${message}`;
  const damaged = loadFindings.filter((finding) => finding.class === "damage").map(say);
  const lacking = loadFindings.filter((finding) => finding.class === "lacking").map(say);
  const differing = [...comparison.differences, ...sourceCheck.differences].map(({ object, problem }) => `${object}: ${problem}`);
  const unjudged = (comparison.unjudged?.objects ?? []).map((object) => `${object}: ${describeUnjudged(comparison)}`);
  const failed = assertions
    .filter(({ passed }) => !passed)
    .map(({ name, expected, actual }) => `assertion "${name}": expected ${expected}, found ${actual}`);
  const findings = [...damaged, ...lacking, ...differing, ...unjudged, ...failed];
  const differs = !comparison.equal || !sourceCheck.equal;
  if (damaged.length > 0 || differs) return { check: "disproven", findings };
  if (lacking.length > 0 || unjudged.length > 0 || failed.length > 0) return { check: "unproven", findings };
  return { check: "proven", findings };
}

function describeUnjudged({ unjudged }: Comparison): string {
  return `its definition is printed differently and could not be judged: ${unjudged?.reason}`;
}

/** A load that did not come to its end can miss the objective, and cannot meet it. */
function objectiveOf(context: PipelineContext, source: string, stopwatch: Stopwatch, loaded: boolean): Pick<Evidence, "objective"> {
  const measured = measureObjective(context, source, stopwatch.timings);
  return measured.objective?.met === true && !loaded ? {} : measured;
}
