/**
 * Damage that somebody meets who only wanted to use a backup: written down as a verification would,
 * and answered with the newest good one.
 */
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import { readManifest } from "../../vault/documents/manifest.ts";
import type { FoundBackup } from "../catalogue/find-backups.ts";
import { newestGoodBackup } from "../catalogue/newest-good.ts";
import { beginEvidence, recordEvidence } from "../catalogue/record-evidence.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { findDamage } from "./damage-or-throw.ts";

/**
 * Runs `work`, which reads the backup. Damage of the backup's own (never a key that is missing, or
 * a store that does not answer) becomes evidence, and the error names the newest good backup.
 * Errors: those of `work`.
 */
export async function recordingDamage<T>(context: PipelineContext, found: FoundBackup, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // That it does not verify was recorded by the step that found it.
    if (isHoldfastError(error, "BackupDamaged")) throw await withNewestGood(context, found, error);
    const findings = await findDamage(context, found, error);
    await recordDamage(context, found, findings);
    throw await withNewestGood(context, found, error as HoldfastError);
  }
}

/**
 * Writes the findings down as evidence "damaged"; what the vault does not take is said in the log.
 */
export async function recordDamage(context: PipelineContext, found: FoundBackup, findings: readonly string[]): Promise<void> {
  const { entry, vault } = found;
  await recordEvidence(context, vault, {
    ...beginEvidence(context, entry),
    check: "damaged",
    manifestSha256: await readSha256(found),
    findings,
  });
}

/** Empty where the manifest itself cannot be read. */
async function readSha256({ entry, vault }: FoundBackup): Promise<string> {
  try {
    return (await readManifest(vault.store, entry.source, entry.id)).sha256;
  } catch {
    return "";
  }
}

async function withNewestGood(context: PipelineContext, { entry }: FoundBackup, error: HoldfastError): Promise<HoldfastError> {
  const good = await newestGoodBackup(context, entry.source);
  if (good === undefined || good?.id === entry.id) return error;
  const hint =
    good === null
      ? `No other backup of "${entry.source}" is known to be good: verify them with \`holdfast verify --source ${entry.source}\`.`
      : `The newest good backup of "${entry.source}" is ${good.id} (${good.state}).`;
  const { message, details } = error;
  const named = new HoldfastError(error.name as ConstructorParameters<typeof HoldfastError>[0], message, {
    details,
    hint: isHoldfastError(error, "BackupDamaged") ? `${hint} ${error.hint}` : hint,
    cause: error,
  });
  naming.add(named);
  return named;
}

const naming = new WeakSet<HoldfastError>();

/**
 * Whether an error says already which backup of the source is the newest good one, or that there is
 * none.
 */
export function namesNewestGood(error: HoldfastError): boolean {
  return naming.has(error);
}
