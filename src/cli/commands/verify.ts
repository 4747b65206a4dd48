/** `holdfast verify`: one backup, a source's, or all. */
import { errorDocument } from "../../errors/error-document.ts";
import { type ExitCode, exitCodes } from "../../errors/exit-codes.ts";
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import { acceptBackup } from "../../pipeline/accept.ts";
import { type FoundBackup, findInVaults, isUsed, vaultsFor, vaultsOf } from "../../pipeline/catalogue/find-backups.ts";
import { findInstructionsProblem } from "../../pipeline/export/vault-instructions.ts";
import { listEntries } from "../../pipeline/list-source.ts";
import { problemsOfVerification } from "../../pipeline/notify/alertable.ts";
import { type PipelineContext, requireSource } from "../../pipeline/pipeline-context.ts";
import { type VerifyResult, verifyBackup } from "../../pipeline/verify.ts";
import type { EngineTraits, Policy } from "../../policy/policy.ts";
import { formatBytes, formatDuration } from "../../report/format.ts";
import type { BackupPlace } from "../../vault/layout.ts";
import { describeDeletion, listRecentDeletions } from "../../vault/list-deleted.ts";
import { describeForged, listForgedTombstones } from "../../vault/list-forged.ts";
import { confirmLost, describeLost } from "../../vault/list-lost.ts";
import { contentAmount } from "../content-amount.ts";
import type { Outcome, Session } from "../session.ts";
import { stateLabel } from "../state-label.ts";
import type { Terminal } from "../terminal.ts";

interface VerifyOptions {
  readonly source?: string | undefined;
  readonly all?: boolean | undefined;
  readonly accept?: string | undefined;
}

/** A backup that could not be judged, beside those that were. */
interface Unjudged {
  readonly source: string;
  readonly backupId: string;
  readonly error: HoldfastError;
}

/** A vault that could not be looked into. */
interface Unread {
  readonly vault: string;
  readonly error: HoldfastError;
}

/** What a listing shows beside the backups (catalogue.ts). */
interface Noticed {
  readonly unclaimed: BackupPlace[];
  readonly forged: string[];
}

interface Verified {
  readonly results: readonly VerifyResult[];
  readonly unjudged: readonly Unjudged[];
  readonly unread: readonly Unread[];
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
    return summarise(terminal, context.policy, { results: [await verifyBackup(context, found)], unjudged: [], unread: [] });
  }
  if (options.accept !== undefined) throw new HoldfastError("UsageInvalid", "--accept takes one backup at a time");
  const verified = await verifyMany(context, options.source);
  const { results, unjudged, unread } = verified;
  if (results.length + unjudged.length + unread.length > 0) return summarise(terminal, context.policy, verified);
  // Nothing was found, hence nothing is known to be good: a reader of the exit code must not
  // take it for that.
  if (options.source !== undefined) requireSource(context.policy, options.source);
  throw new HoldfastError(
    "BackupNotFound",
    `there is no backup to verify${options.source === undefined ? "" : ` of ${options.source}`}`,
  );
}

/**
 * Verifies every backup, or a source's, in every vault: neither a backup nor a vault that fails
 * keeps the others from being judged.
 */
async function verifyMany(context: PipelineContext, source: string | undefined): Promise<Verified> {
  const verified = { results: [] as VerifyResult[], unjudged: [] as Unjudged[], unread: [] as Unread[] };
  for (const vault of source === undefined ? vaultsOf(context.policy) : vaultsFor(context.policy, source)) {
    try {
      const noticed: Noticed = { unclaimed: [], forged: [] };
      for await (const found of select(context, vault, source, noticed)) await verifyOne(context, found, verified);
      await findMissing(context, vault, source, noticed, verified);
    } catch (error) {
      if (!isHoldfastError(error) || error.name === "Interrupted") throw error;
      // A vault that no source uses yet need not be there.
      if (error.name !== "VaultNotFound" || isUsed(context.policy, vault)) verified.unread.push({ vault, error });
    }
  }
  return verified;
}

async function verifyOne(
  context: PipelineContext,
  found: FoundBackup,
  { results, unjudged }: { readonly results: VerifyResult[]; readonly unjudged: Unjudged[] },
): Promise<void> {
  const { source, id } = found.entry;
  try {
    results.push(await verifyBackup(context, found));
  } catch (error) {
    if (!isHoldfastError(error) || error.name === "Interrupted") throw error;
    // Pruned since it was listed: a verification of everything takes hours.
    if (error.name === "BackupNotFound") context.run.log.warn(error.message);
    else unjudged.push({ source, backupId: id, error });
  }
}

async function accept(context: PipelineContext, found: FoundBackup, reason: string): Promise<Outcome> {
  await acceptBackup(context, found, reason);
  const { source, id } = found.entry;
  return { document: { source, backupId: id, outcome: "accepted", reason }, lines: [`${id} of ${source} is accepted: ${reason}`] };
}

async function* select(
  context: PipelineContext,
  vaultName: string,
  source: string | undefined,
  { unclaimed, forged }: Noticed,
): AsyncGenerator<FoundBackup> {
  const vault = await context.vaultOf(vaultName);
  const onUnclaimed = (place: BackupPlace): void => void unclaimed.push(place);
  const onForged = (key: string): void => void forged.push(key);
  for await (const entry of listEntries(context, vault, { source, onUnclaimed, onForged })) yield { entry, vault };
}

/**
 * What no backup's own verification finds: manifests that are gone, and, when all is verified,
 * instructions that others wrote.
 */
async function findMissing(
  context: PipelineContext,
  vault: string,
  source: string | undefined,
  { unclaimed, forged }: Noticed,
  { unjudged, unread }: { readonly unjudged: Unjudged[]; readonly unread: Unread[] },
): Promise<void> {
  const opened = await context.vaultOf(vault);
  const { store } = opened;
  for (const place of await confirmLost(opened, unclaimed)) {
    const { message, remedy } = describeLost(place, store);
    const error = new HoldfastError("ManifestDamaged", message, { hint: remedy });
    unjudged.push({ source: place.source, backupId: place.id, error });
  }
  const { log, clock } = context.run;
  const now = clock.now();
  for await (const deletion of listRecentDeletions(opened, source === undefined ? { now } : { source, now })) {
    const { message, remedy } = describeDeletion(deletion, store.url, now);
    log.warn(`${message}. ${remedy}`);
  }
  for await (const key of listForgedTombstones(opened, { source, signal: context.run.signal })) forged.push(key);
  if (forged.length > 0) {
    const { message, remedy } = describeForged(forged, store.url);
    log.warn(`${message}. ${remedy}`);
  }
  if (source !== undefined) return;
  const problem = await findInstructionsProblem(context.engines, store);
  if (problem !== undefined)
    unread.push({ vault, error: new HoldfastError("VaultDamaged", problem.message, { hint: problem.remedy }) });
}

function summarise(terminal: Terminal, policy: Policy, { results, unjudged, unread }: Verified): Outcome {
  const lines = results.flatMap((result) => describe(terminal, result, policy.sources[result.source]?.traits.units));
  for (const { source, backupId, error } of unjudged) {
    lines.push(
      `${backupId}  of ${source}, ${terminal.style("red", "not judged")}: ${error.message} (${error.name})`,
      ...error.details.filter((detail) => !error.message.includes(detail)).map((detail) => `  ${detail}`),
      `  ${error.hint}`,
    );
  }
  for (const { vault, error } of unread) {
    lines.push(
      `vault ${vault}  ${terminal.style("red", error.name === "VaultDamaged" ? "damaged" : "not read")}: ${error.message} (${error.name})`,
      `  ${error.hint}`,
    );
  }
  return {
    document: {
      verified: results.map(({ digest: _digest, unrecorded, ...figures }) => ({
        ...figures,
        unrecorded: unrecorded && errorDocument(unrecorded),
      })),
      unjudged: unjudged.map(({ source, backupId, error }) => ({ source, backupId, error: errorDocument(error) })),
      ...(unread.length === 0 ? {} : { unread: unread.map(({ vault, error }) => ({ vault, error: errorDocument(error) })) }),
    },
    lines,
    exitCode: exitCodeOf(results, [...unjudged, ...unread]),
    problems: [
      ...problemsOfVerification(results),
      ...unjudged.map(({ source, backupId, error }) => ({ operation: "verify", source, backupId, error })),
      ...unread.map(({ error }) => ({ operation: "verify", error })),
    ],
  };
}

function describe(terminal: Terminal, result: VerifyResult, units: EngineTraits["units"] | undefined): string[] {
  const { objectCount, rows, bytes, durationMs, findings, unrecorded } = result;
  return [
    `${result.backupId}  of ${result.source}, ${stateLabel(terminal, result.outcome)}: ${contentAmount(units, objectCount, rows)}, ` +
      `${formatBytes(bytes)} read back in ${formatDuration(durationMs)}`,
    ...findings.map((finding) => `  ${terminal.style("red", "found")} ${finding}`),
    ...(unrecorded === undefined ? [] : [`  ${terminal.style("red", "not recorded in the vault")}: ${unrecorded.message}`]),
  ];
}

function exitCodeOf(results: readonly VerifyResult[], unjudged: readonly { readonly error: HoldfastError }[]): ExitCode {
  // Nothing was there to verify, in no vault.
  const isNothing = results.length === 0 && unjudged.length > 0;
  if (isNothing && unjudged.every(({ error }) => error.exitCode === exitCodes.notFound)) return exitCodes.notFound;
  if (results.some(({ outcome }) => outcome === "damaged")) return exitCodes.integrity;
  if (unjudged.some(({ error }) => error.exitCode === exitCodes.integrity)) return exitCodes.integrity;
  const unsettled = results.some(({ outcome, unrecorded }) => outcome === "suspicious" || unrecorded !== undefined);
  if (unjudged.length > 0 || unsettled) return exitCodes.failed;
  return exitCodes.done;
}
