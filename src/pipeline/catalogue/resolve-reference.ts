/** Reads what a person calls a backup with the policy at hand: its sources and its time zone. */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { formatInZone, momentForms, parseMoment } from "../../runtime/moment.ts";
import { type PipelineContext, requireSource } from "../pipeline-context.ts";

/**
 * The reference as the vault knows it: `shop@14:32` becomes `shop@2026-11-28T13:32:00.000Z`, and
 * the log says so; anything else stays.
 * Errors: UsageInvalid (no time, or one that is to come), SourceNotFound (neither a source of the
 * policy nor the beginning of an id).
 */
export function resolveReference(context: PipelineContext, reference: string): string {
  const at = reference.indexOf("@");
  if (at >= 0) return resolveTimed(context, reference.slice(0, at), reference.slice(at + 1));
  refuseName(context, reference);
  return reference;
}

/** The instant that a person wrote, as ISO 8601. Errors: UsageInvalid, as for references. */
export function resolveInstant(context: PipelineContext, moment: string): string {
  const { instant, notes } = readMoment(context, moment, "--until");
  for (const note of notes) context.run.log.info(note);
  return instant.toISOString();
}

function readMoment({ policy, run }: PipelineContext, moment: string, where: "after the @" | "--until") {
  const read = parseMoment(moment, { now: run.clock.now(), timezone: policy.timezone });
  if (!("problem" in read)) return read;
  throw new HoldfastError("UsageInvalid", `${where}: ${read.problem}`, {
    hint: `Write ${where === "--until" ? "" : "latest or "}a time: ${momentForms}; without a zone it is a time of ${policy.timezone}, the policy's.`,
  });
}

function resolveTimed(context: PipelineContext, source: string, moment: string): string {
  const { policy, run } = context;
  if (moment === "latest") return `${source}@latest`;
  const { instant, notes } = readMoment(context, moment, "after the @");
  const iso = instant.toISOString();
  const meant = `${source}@${moment}: the newest backup of ${formatInZone(instant, policy.timezone)} (${iso}) or before`;
  run.log.info([meant, ...notes].join("; "));
  return `${source}@${iso}`;
}

/**
 * Ids begin with a digit: what does not is the name of a source, and must not be answered with
 * another source's backups.
 */
function refuseName({ policy }: PipelineContext, reference: string): void {
  if (!/^[A-Za-z_][A-Za-z0-9._-]*$/.test(reference)) return;
  requireSource(policy, reference);
  throw new HoldfastError("BackupNotFound", `"${reference}" is a source, not a backup`, {
    hint: `Name its newest backup as ${reference}@latest, or choose one from \`holdfast list ${reference}\`.`,
  });
}
