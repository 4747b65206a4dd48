/**
 * The step that decides where the next step of a run works: in a Lambda, or, where the last backup
 * was too large or too slow for one, in Fargate. Reads keys and one manifest; opens neither a key
 * nor a source.
 */
import type { Engine } from "../engines/engine.ts";
import { HoldfastError, isHoldfastError } from "../errors/holdfast-error.ts";
import { maxLambdaBytes } from "../policy/lambda-limits.ts";
import type { BackupKind } from "../policy/policy.ts";
import { type Manifest, readManifest } from "../vault/documents/manifest.ts";
import { totalsOf } from "../vault/documents/manifest-totals.ts";
import { findNewest } from "../vault/find-backup.ts";
import { findInVaults } from "./catalogue/find-backups.ts";
import { readSoundManifest } from "./catalogue/read-valid-evidence.ts";
import { figuresOf } from "./opening/backup-figures.ts";
import { type PipelineContext, requireSource } from "./pipeline-context.ts";

export type Runner = "lambda" | "fargate";

export interface BackupPlan {
  readonly source: string;
  readonly kind: BackupKind;
  readonly runner: Runner;
  /** Why there, for people who read an execution's history. */
  readonly reason: string;
}

export interface RestorePlan {
  readonly source: string;
  readonly backupId: string;
  readonly runner: Runner;
  readonly reason: string;
}

/**
 * A Lambda ends after 900 s (AWS quota); a dump that took two thirds of that last time may not fit
 * the next.
 */
const maxLambdaSeconds = 600;
/** Of the 10,240 MB that a Lambda's /tmp may have. */
const maxThrowawayBytes = 8 * 1024 ** 3;

/**
 * Plans a backup by the size that the policy declares and the figures of the source's newest one;
 * without either, a Lambda is tried first.
 * Errors: SourceNotFound, SourceUnsupported (a kind the engine does not make), those of listing the
 * vault.
 */
export async function planBackup(
  context: PipelineContext,
  request: { readonly source: string; readonly kind: BackupKind },
): Promise<BackupPlan> {
  const source = requireSource(context.policy, request.source);
  if (!source.traits.kinds.includes(request.kind)) {
    const message = `the ${source.engine} engine does not support ${request.kind} backups`;
    throw new HoldfastError("SourceUnsupported", message, { hint: `Use one of: ${source.traits.kinds.join(", ")}.` });
  }
  const { sizeBytes = 0 } = source;
  if (sizeBytes > maxLambdaBytes) {
    const reason = `the policy says that it holds ${sizeBytes} bytes, more than ${maxLambdaBytes}`;
    return { source: source.name, kind: request.kind, runner: "fargate", reason };
  }
  const store = await context.storeOf(source.vault);
  const now = context.run.clock.now();
  // The size of a log says nothing of a full.
  const newest = (await findNewest(store, source.name, now, request.kind)) ?? (await findNewest(store, source.name, now));
  // One that cannot be read says nothing of sizes, and must not keep the next from being made.
  const manifest = newest === undefined ? undefined : (await readSoundManifest(store, newest))?.manifest;
  return { source: source.name, kind: request.kind, ...chooseForDump(manifest) };
}

/**
 * Plans what reads the backup that `reference` names (an id, its prefix, or `latest`): a restore
 * test or a restore.
 * Errors: SourceNotFound, BackupNotFound, UsageInvalid (ambiguous), ManifestDamaged, those of the
 * vault.
 */
export async function planReading(
  context: PipelineContext,
  request: { readonly source: string; readonly backup: string },
): Promise<RestorePlan> {
  const { name } = requireSource(context.policy, request.source);
  const reference = request.backup === "latest" ? `${name}@latest` : `${name}/${request.backup}`;
  const { entry, vault } = await findInVaults(context, reference);
  const { manifest } = await readManifest(vault.store, entry.source, entry.id);
  const engine = await context.engineOf(manifest.engine);
  const needed = estimateRoom(engine, manifest);
  const room: Choice =
    needed > maxThrowawayBytes
      ? { runner: "fargate", reason: `it needs ${needed} bytes of disk, a Lambda has ${maxThrowawayBytes} to spare` }
      : chooseForDump(manifest);
  return { source: entry.source, backupId: entry.id, ...room };
}

type Choice = Pick<BackupPlan, "runner" | "reason">;

function chooseForDump(manifest: Manifest | undefined): Choice {
  if (manifest === undefined) return { runner: "lambda", reason: "nothing is known of its size yet" };
  const { plainBytes: bytes, durationSeconds: seconds } = totalsOf(manifest);
  if (bytes > maxLambdaBytes)
    return { runner: "fargate", reason: `${manifest.id} has ${bytes} bytes, more than ${maxLambdaBytes}` };
  if (seconds > maxLambdaSeconds) {
    return { runner: "fargate", reason: `${manifest.id} took ${Math.round(seconds)} s, more than ${maxLambdaSeconds}` };
  }
  return { runner: "lambda", reason: `${manifest.id} had ${bytes} bytes and took ${Math.round(seconds)} s` };
}

/**
 * What cannot be told of a damaged backup needs no room: whatever reads it finds the damage at
 * once, and says so.
 */
function estimateRoom(engine: Engine, manifest: Manifest): number {
  try {
    return engine.estimateThrowawayBytes([figuresOf(manifest, engine)]);
  } catch (error) {
    if (isHoldfastError(error, "ContentInvalid")) return 0;
    throw error;
  }
}
