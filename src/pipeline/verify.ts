/**
 * The step that reads a backup back: every artifact fetched, both checksums compared, the seal
 * opened, the content digested and compared with what the source said of itself, each table
 * compared with what it was in the backups before; the finding goes into the vault as evidence.
 */

import type { Inspection } from "../engines/engine.ts";
import type { HoldfastError } from "../errors/holdfast-error.ts";
import type { Comparison, ContentDigest } from "../proof/content.ts";
import { countsOf } from "../proof/recorded-digest.ts";
import type { DigestKey } from "../sealing/digest-key.ts";
import type { Evidence } from "../vault/documents/evidence.ts";
import type { Manifest } from "../vault/documents/manifest.ts";
import { totalsOf } from "../vault/documents/manifest-totals.ts";
import { compareWithEarlierEvidence } from "./catalogue/earlier-evidence.ts";
import type { FoundBackup } from "./catalogue/find-backups.ts";
import { beginEvidence, recordEvidence } from "./catalogue/record-evidence.ts";
import { whileReading } from "./catalogue/with-read-mark.ts";
import { findDamage } from "./damage/damage-or-throw.ts";
import { readAuthenticManifest, type SealedVault } from "./opening/authentic-manifest.ts";
import { readDigestKey, recordDigest } from "./opening/digest-keys.ts";
import { requireBase } from "./opening/open-chain.ts";
import { openingKeysFor } from "./opening/opening-keys.ts";
import { openBackup } from "./opening/read-backup.ts";
import type { PipelineContext } from "./pipeline-context.ts";
import { figuresOf } from "./suspicion/content-figures.ts";
import { readEarlierFigures } from "./suspicion/earlier-figures.ts";
import { findSuspicions } from "./suspicion/suspicion.ts";

export interface VerifyResult {
  readonly source: string;
  readonly backupId: string;
  readonly outcome: "verified" | "suspicious" | "damaged";
  readonly findings: readonly string[];
  readonly objectCount: number;
  readonly rows: number;
  readonly bytes: number;
  readonly durationMs: number;
  /** The content's digest; absent when it could not be made. */
  readonly digest?: ContentDigest | undefined;
  /**
   * Why the finding is not in the vault, where that took no writes; the backup's state is then what
   * it was.
   */
  readonly unrecorded?: HoldfastError | undefined;
}

const defaultMaxDropShare = 0.5;

/**
 * Verifies one backup and appends the evidence. A damaged backup is a result, not an error; so is
 * evidence that could not be written.
 * Errors: whatever keeps it from judging: StoreUnavailable, KeyMissing, KeyUnavailable,
 * ToolMissing, BackupNotFound (deleted meanwhile).
 */
export async function verifyBackup(context: PipelineContext, found: FoundBackup): Promise<VerifyResult> {
  return whileReading(context, found, "verify", () => readBack(context, found));
}

async function readBack(context: PipelineContext, found: FoundBackup): Promise<VerifyResult> {
  const { run } = context;
  const { entry } = found;
  const startedMs = run.clock.monotonicMs();
  const judged = await judge(context, found);
  const { digest, digestKey, ...recorded } = judged;
  const durationMs = Math.round(run.clock.monotonicMs() - startedMs);
  const evidence: Evidence = {
    ...beginEvidence(context, entry),
    timings: { verify: durationMs },
    ...recorded,
    ...(digest === undefined ? {} : { digest: recordDigest(digest, digestKey, run.randomBytes) }),
  };
  const unrecorded = await recordEvidence(context, found.vault, evidence);
  return {
    source: entry.source,
    backupId: entry.id,
    outcome: judged.check,
    findings: judged.findings,
    objectCount: digest?.objectCount ?? 0,
    rows: digest?.rows ?? 0,
    bytes: digest?.bytes ?? 0,
    durationMs,
    digest,
    unrecorded,
  };
}

interface Judgement {
  readonly check: VerifyResult["outcome"];
  readonly findings: readonly string[];
  readonly manifestSha256: string;
  readonly digest?: ContentDigest;
  readonly digestKey?: DigestKey | undefined;
  readonly sourceCheck?: Comparison;
}

async function judge(context: PipelineContext, found: FoundBackup): Promise<Judgement> {
  const { entry } = found;
  let manifestSha256 = "";
  try {
    const read = await readAuthenticManifest(context, found.vault, entry.source, entry.id);
    manifestSha256 = read.sha256;
    await compareWithEarlierEvidence(found.vault, entry, manifestSha256);
    const digestKey = await readDigestKey(context, found.vault, read.manifest);
    const { problems, ...seen } = await inspectBackup(context, found.vault, read.manifest, digestKey);
    const judged = { manifestSha256, digestKey, ...seen };
    const differences = (seen.sourceCheck?.differences ?? []).map(({ object, problem }) => `${object}: ${problem}`);
    if (problems.length > 0 || seen.sourceCheck?.equal === false) {
      return { check: "damaged", findings: [...problems, ...differences], ...judged };
    }
    const findings = seen.digest === undefined ? [] : await compareWithEarlierBackups(context, found, seen.digest);
    return { check: findings.length === 0 ? "verified" : "suspicious", findings, ...judged };
  } catch (error) {
    return { check: "damaged", findings: await findDamage(context, found, error), manifestSha256 };
  }
}

/** What was seen of a backup; without a digest, nothing to compare the source's own word with. */
type Seen = Inspection & { readonly sourceCheck?: Comparison };

/**
 * Reads everything that the manifest names, and has the engine inspect it. Errors: those of
 * reading, and of Engine.inspect.
 */
async function inspectBackup(
  context: PipelineContext,
  vault: SealedVault,
  manifest: Manifest,
  digestKey: DigestKey | undefined,
): Promise<Seen> {
  const keys = await openingKeysFor(context, manifest.source);
  const engine = await context.engineOf(manifest.engine);
  context.run.progress.phase("verify", totalsOf(manifest).storedBytes);
  // Without its base it cannot be restored, however sound it is in itself.
  await requireBase(vault.store, manifest, engine);
  const backup = openBackup(vault, keys, manifest, engine, context.run, { digestKey });
  // Bytes are counted as they leave the vault; what an engine unpacks of them would count twice.
  const progress = { ...context.run.progress, advance: () => undefined };
  const inspection = await engine.inspect(backup.reader, { ...context.run, progress });
  await backup.readRest();
  const { digest } = inspection;
  return digest === undefined
    ? inspection
    : { ...inspection, sourceCheck: engine.compareSourceCheck(digest, countsOf(manifest.sourceCheck)) };
}

/**
 * What speaks for lost data in this backup, in sentences. A backup that was found in order when it
 * was new is not judged again: those it was compared with are gone by and by, and the ones that are
 * left say less. One that is suspicious stays so while there is nothing to compare with.
 */
async function compareWithEarlierBackups(
  context: PipelineContext,
  found: FoundBackup,
  digest: ContentDigest,
): Promise<readonly string[]> {
  const { entry } = found;
  const checks = entry.checks.map(({ check }) => check);
  if (checks.includes("accepted") || (checks.includes("verified") && !entry.suspicious)) return [];
  const { history, recentCount } = await readEarlierFigures(context, found);
  const source = context.policy.sources[entry.source];
  // A source that left the policy names nothing.
  const isVolatile = source === undefined ? () => false : (await context.engineOf(source.engine)).compileVolatile(source);
  const rules = { maxDropShare: source?.verify.maxDropShare ?? defaultMaxDropShare, isVolatile, recentCount };
  const findings = findSuspicions(figuresOf(digest), history, rules);
  if (!entry.suspicious || history.length > 0) return findings;
  return ["was found suspicious before, and no earlier backup is left to compare it with"];
}
