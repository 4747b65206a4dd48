/**
 * The safety backup: what stands at a restore's target is backed up, read back and held before it
 * is replaced. It lies in the source's vault under a name of its own (policy/safety-series.ts), and
 * is sealed with the source's key.
 */
import type { Engine, RestoreRequest } from "../../engines/engine.ts";
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import { findSource, safetySeriesOf } from "../../policy/safety-series.ts";
import { addHold } from "../../vault/documents/holds.ts";
import { findBackup } from "../../vault/find-backup.ts";
import type { FoundBackup } from "../catalogue/find-backups.ts";
import { dumpOpened } from "../dump.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { verifyBackup } from "../verify.ts";
import type { SafetyBackup } from "./restore-result.ts";

/** What a hold on a safety backup says, before the words about its restore. */
const holdReason = "pre-restore";

/**
 * Takes it, reads it back, and holds it until a person releases the hold.
 * Errors: RestoreRefused, with the cause in its words: nothing was touched then. Interrupted.
 */
export async function takeSafetyBackup(
  context: PipelineContext,
  engine: Engine,
  { entry }: FoundBackup,
  request: RestoreRequest,
): Promise<SafetyBackup> {
  const { log, progress } = context.run;
  try {
    progress.phase("safety backup");
    const taken = await take(context, engine, entry.source, request);
    const reason = `${holdReason}: what stood at ${request.target} before ${entry.source}/${entry.id} was restored there`;
    await hold(context, taken, reason);
    log.info(`what stands at the target is backed up as ${taken.source}/${taken.backupId}, held until you release it`);
    return taken;
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

async function take(context: PipelineContext, engine: Engine, restored: string, request: RestoreRequest): Promise<SafetyBackup> {
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

async function hold(context: PipelineContext, { source, backupId }: SafetyBackup, reason: string): Promise<void> {
  const config = findSource(context.policy, source);
  if (config === undefined) throw new HoldfastError("Internal", `no series ${source}`);
  const { run } = context;
  const document = { formatVersion: 2, source, backupId, by: run.identity, reason, at: run.clock.now().toISOString() } as const;
  await addHold(await context.vaultOf(config.vault), document, await context.signerOf(source));
}
