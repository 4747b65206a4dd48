/**
 * The safety backup: what stands at a restore's target is backed up, read back and held before it
 * is replaced. It lies in the source's vault under a name of its own (policy/safety-series.ts), and
 * is sealed with the source's key.
 */
import type { Engine } from "../../engines/engine.ts";
import type { RestoreRequest } from "../../engines/restore-request.ts";
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import { findSource, safetySeriesOf } from "../../policy/safety-series.ts";
import { addHold } from "../../vault/documents/holds.ts";
import { findBackup } from "../../vault/find-backup.ts";
import type { FoundBackup } from "../catalogue/find-backups.ts";
import { dumpOpened } from "../dump.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { verifyBackup } from "../verify.ts";
import type { RestoreOptions } from "./restore-options.ts";
import type { SafetyBackup } from "./restore-result.ts";

/** What a hold on a safety backup says, before the words about its restore. */
const holdReason = "pre-restore";

/**
 * Takes it, reads it back, and holds it until a person releases the hold. Where a run that must not
 * sign restores (ADR 0036), it was taken and held before, and `taken` names it.
 * Errors: RestoreRefused, with the cause in its words: nothing was touched then. Interrupted.
 */
export async function takeSafetyBackup(
  context: PipelineContext,
  engine: Engine,
  { entry }: FoundBackup,
  request: RestoreRequest,
  taken?: RestoreOptions["safetyTaken"],
): Promise<SafetyBackup> {
  if (context.handOver !== undefined) return requireTaken(taken, request);
  const { log, progress } = context.run;
  try {
    progress.phase("safety backup");
    const made = await makeSafetyBackup(context, engine, entry.source, request);
    await holdSafetyBackup(context, made, { target: request.target, source: entry.source, backupId: entry.id });
    log.info(`what stands at the target is backed up as ${made.source}/${made.backupId}, held until you release it`);
    return made;
  } catch (error) {
    if (!isHoldfastError(error) || error.name === "Interrupted" || error.name === "Internal") throw error;
    throw new HoldfastError(
      "RestoreRefused",
      `what stands at the target could not be backed up first: ${error.message}; nothing was touched`,
      {
        cause: error,
        details: error.details,
        hint: `${error.hint} Or leave the safety backup out with --no-safety-backup: what is replaced is still kept under another name.`,
      },
    );
  }
}

/** Between the look at the target and the restore, somebody may have put something there. */
function requireTaken(taken: SafetyBackup | undefined, { target }: RestoreRequest): SafetyBackup {
  if (taken !== undefined) return taken;
  throw new HoldfastError("RestoreRefused", `${target} holds something that was not backed up first; nothing was touched`, {
    hint: "Something was put there after the target had been looked at. Look at it, and start the restore again.",
  });
}

/**
 * Backs up what stands at the target, as the series of the source `restored`, and reads it back;
 * does not hold it. Errors: those of dumpOpened and verifyBackup, SourceNotFound,
 * SourceUnsupported, BackupDamaged (it cannot be read back).
 */
export async function makeSafetyBackup(
  context: PipelineContext,
  engine: Engine,
  restored: string,
  request: RestoreRequest,
): Promise<SafetyBackup> {
  const base = findSource(context.policy, restored);
  if (base === undefined) {
    throw new HoldfastError("SourceNotFound", `the policy has no source "${restored}", which would name a vault and a key for it`, {
      hint: "Add the source to the policy.",
    });
  }
  const source = { ...base, name: safetySeriesOf(base.name) };
  const open = engine.openTargetDump;
  if (open === undefined) {
    throw new HoldfastError("SourceUnsupported", `the ${engine.name} engine cannot back up a restore's target`);
  }
  const asked = { source: source.name, kind: "full" } as const;
  const dumped = await dumpOpened(context, source, asked, (dump) => open(source, request, dump, context.run));
  const vault = await context.vaultOf(source.vault);
  const found = await findBackup(vault, `${source.name}/${dumped.backupId}`, context.run.clock.now());
  const { outcome, findings } = await verifyBackup(context, { entry: found, vault });
  // One that looks as if data were lost may be the very reason for the restore.
  if (outcome !== "damaged") return { source: source.name, backupId: dumped.backupId };
  throw new HoldfastError(
    "BackupDamaged",
    `the backup of it, ${dumped.backupId}, cannot be read back: ${findings[0] ?? "unknown"}`,
  );
}

/** For what a safety backup was taken: the target, and what was to be restored there. */
export interface SafetyPurpose {
  readonly target: string;
  readonly source: string;
  readonly backupId: string;
}

/** Holds it until a person releases the hold. Errors: those of addHold and of the signer. */
export async function holdSafetyBackup(
  context: PipelineContext,
  { source, backupId }: SafetyBackup,
  { target, ...restored }: SafetyPurpose,
): Promise<void> {
  const reason = `${holdReason}: what stood at ${target} before ${restored.source}/${restored.backupId} was restored there`;
  const config = findSource(context.policy, source);
  if (config === undefined) throw new HoldfastError("Internal", `no series ${source}`);
  const { run } = context;
  const document = { formatVersion: 2, source, backupId, by: run.identity, reason, at: run.clock.now().toISOString() } as const;
  await addHold(await context.vaultOf(config.vault), document, await context.signerOf(source));
}
