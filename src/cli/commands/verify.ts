/** `holdfast verify`: one backup, a source's, or all. */
import { type ExitCode, exitCodes } from "../../errors/catalogue.ts";
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import { acceptBackup } from "../../pipeline/accept.ts";
import { type FoundBackup, findInVaults, vaultsOf } from "../../pipeline/find-backups.ts";
import { type PipelineContext, requireSource } from "../../pipeline/pipeline-context.ts";
import { type VerifyResult, verifyBackup } from "../../pipeline/verify.ts";
import { formatBytes, formatDuration } from "../../report/format.ts";
import { listBackups } from "../../vault/catalogue.ts";
import { openVault } from "../../vault/vault.ts";
import { countOf } from "../count.ts";
import type { Outcome, Session } from "../session.ts";
import { stateLabel } from "../state-label.ts";
import type { Terminal } from "../terminal.ts";

interface VerifyOptions {
  readonly source?: string;
  readonly all?: boolean;
  readonly accept?: string;
}

/** A backup that could not be judged, beside those that were. */
interface Unjudged {
  readonly source: string;
  readonly backupId: string;
  readonly error: HoldfastError;
}

export async function verify(
  { context, terminal }: Session,
  reference: string | undefined,
  options: VerifyOptions,
): Promise<Outcome> {
  const given = [reference, options.source, options.all].filter((value) => value !== undefined).length;
  if (given !== 1) {
    throw new HoldfastError("UsageInvalid", "verify takes one of: a backup, --source <name>, --all");
  }
  if (reference !== undefined) {
    const found = await findInVaults(context, reference);
    if (options.accept !== undefined) return accept(context, found, options.accept);
    return summarise(terminal, [await verifyBackup(context, found)], []);
  }
  if (options.accept !== undefined) throw new HoldfastError("UsageInvalid", "--accept takes one backup at a time");
  const results: VerifyResult[] = [];
  const unjudged: Unjudged[] = [];
  for await (const found of select(context, options.source)) {
    try {
      results.push(await verifyBackup(context, found));
    } catch (error) {
      // One backup that cannot be judged must not keep the others from being judged.
      if (!isHoldfastError(error) || error.name === "Interrupted") throw error;
      unjudged.push({ source: found.entry.source, backupId: found.entry.id, error });
    }
  }
  return summarise(terminal, results, unjudged);
}

async function accept(context: PipelineContext, found: FoundBackup, reason: string): Promise<Outcome> {
  await acceptBackup(context, found, reason);
  const { source, id } = found.entry;
  return { document: { source, backupId: id, outcome: "accepted", reason }, text: `${id} of ${source} is accepted: ${reason}` };
}

async function* select(context: PipelineContext, source: string | undefined): AsyncGenerator<FoundBackup> {
  const vaultNames = source === undefined ? vaultsOf(context.policy) : [requireSource(context.policy, source).vault];
  for (const vaultName of vaultNames) {
    const store = await context.storeOf(vaultName);
    await openVault(store);
    for await (const entry of listBackups(store, source === undefined ? {} : { source })) yield { entry, store, vaultName };
  }
}

function summarise(terminal: Terminal, results: readonly VerifyResult[], unjudged: readonly Unjudged[]): Outcome {
  const lines = results.flatMap((result) => [
    `${result.backupId}  of ${result.source}, ${stateLabel(terminal, result.outcome)}: ${countOf(result.objectCount, "object")}, ${countOf(result.rows, "row")}, ` +
      `${formatBytes(result.bytes)} read back in ${formatDuration(result.durationMs)}`,
    ...result.findings.map((finding) => `  ${terminal.style("red", "found")} ${finding}`),
  ]);
  for (const { source, backupId, error } of unjudged) {
    lines.push(
      `${backupId}  of ${source}, ${terminal.style("red", "not judged")}: ${error.message} (${error.name})`,
      `  ${error.hint}`,
    );
  }
  if (results.length + unjudged.length === 0) lines.push("no backups to verify");
  return {
    document: {
      verified: results.map(({ digest: _digest, ...figures }) => figures),
      unjudged: unjudged.map(({ source, backupId, error }) => ({
        source,
        backupId,
        error: { name: error.name, message: error.message, hint: error.hint },
      })),
    },
    text: lines.join("\n"),
    exitCode: exitCodeOf(results, unjudged),
  };
}

function exitCodeOf(results: readonly VerifyResult[], unjudged: readonly Unjudged[]): ExitCode {
  if (results.some(({ outcome }) => outcome === "damaged")) return exitCodes.integrity;
  if (unjudged.some(({ error }) => error.exitCode === exitCodes.integrity)) return exitCodes.integrity;
  if (unjudged.length > 0 || results.some(({ outcome }) => outcome === "suspicious")) return exitCodes.failed;
  return exitCodes.done;
}
