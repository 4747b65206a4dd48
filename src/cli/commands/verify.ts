/** `holdfast verify`: one backup, a source's, or all. */
import { errorDocument } from "../../errors/error-document.ts";
import { type ExitCode, exitCodes } from "../../errors/exit-codes.ts";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { acceptBackup, seekAcceptance } from "../../pipeline/accept.ts";
import { type FoundBackup, findInVaults } from "../../pipeline/catalogue/find-backups.ts";
import { problemsOfVerification } from "../../pipeline/notify/alertable.ts";
import { requireSource } from "../../pipeline/pipeline-context.ts";
import { type VerifyResult, verifyBackup } from "../../pipeline/verify.ts";
import { type Verified, verifyAll } from "../../pipeline/verify-all.ts";
import type { EngineTraits, Policy } from "../../policy/policy.ts";
import { formatBytes, formatDuration } from "../../report/format.ts";
import { obtainApproval } from "../approving.ts";
import type { ApprovalOptions } from "../command-shape.ts";
import { contentAmount } from "../content-amount.ts";
import type { Outcome, Session } from "../session.ts";
import { stateLabel } from "../state-label.ts";
import type { Terminal } from "../terminal.ts";

interface VerifyOptions extends Omit<ApprovalOptions, "reason"> {
  readonly source?: string | undefined;
  readonly all?: boolean | undefined;
  readonly accept?: string | undefined;
}

export async function verify(session: Session, reference: string | undefined, options: VerifyOptions): Promise<Outcome> {
  const { context, terminal } = session;
  const given = [reference, options.source, options.all].filter((value) => value !== undefined).length;
  if (given !== 1) {
    throw new HoldfastError("UsageInvalid", "verify takes one of: a backup, --source <name>, --all");
  }
  if (options.accept === undefined && (options.request !== undefined || options.wait === true)) {
    throw new HoldfastError("UsageInvalid", "--request and --wait are for --accept: nobody has to approve a verification");
  }
  if (reference !== undefined) {
    const found = await findInVaults(context, reference);
    if (options.accept !== undefined) return accept(session, found, options.accept, options);
    return summarise(terminal, context.policy, { results: [await verifyBackup(context, found)], unjudged: [], unread: [] });
  }
  if (options.accept !== undefined) throw new HoldfastError("UsageInvalid", "--accept takes one backup at a time");
  const verified = await verifyAll(context, options.source);
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

async function accept(session: Session, found: FoundBackup, reason: string, options: VerifyOptions): Promise<Outcome> {
  const { context } = session;
  const { approval, outcome } = await obtainApproval(session, { ...options, reason }, (asking) =>
    seekAcceptance(context, found, asking),
  );
  if (outcome !== undefined) return outcome;
  await acceptBackup(context, found, reason, approval);
  const { source, id } = found.entry;
  return { document: { source, backupId: id, outcome: "accepted", reason }, lines: [`${id} of ${source} is accepted: ${reason}`] };
}

function summarise(terminal: Terminal, policy: Policy, { results, unjudged, unread }: Verified): Outcome {
  const lines = results.flatMap((result) => linesOf(terminal, result, policy.sources[result.source]?.traits.units));
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

function linesOf(terminal: Terminal, result: VerifyResult, units: EngineTraits["units"] | undefined): string[] {
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
