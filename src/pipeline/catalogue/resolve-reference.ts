/** Reads what a person calls a backup with the policy at hand: its sources and its time zone. */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { formatInZone, momentForms, parseMoment } from "../../runtime/moment.ts";
import { isBackupId, isSourceName } from "../../vault/layout.ts";
import { referenceHint } from "../../vault/reference.ts";
import { type PipelineContext, requireSource } from "../pipeline-context.ts";

/** What a person may call a backup. */
export type ResolvedReference = { readonly by: "name"; readonly text: string } | TimedReference;

export interface TimedReference {
  readonly by: "time";
  /** As it was written. */
  readonly text: string;
  readonly source: string;
  /** The newest instant that may be brought back; absent: the newest backup is meant. */
  readonly at?: Date;
  /** Only what a restore test has proven. */
  readonly provenOnly: boolean;
}

/**
 * Reads a reference; the log says which instant was taken. Errors: UsageInvalid (no time, or one
 * that is to come; a name that no source can have), SourceNotFound (neither a source of the policy
 * nor the beginning of an id).
 */
export function resolveReference(context: PipelineContext, reference: string): ResolvedReference {
  const at = reference.indexOf("@");
  if (at >= 0) return resolveTimed(context, reference, reference.slice(0, at), reference.slice(at + 1));
  refuseName(context, reference);
  return { by: "name", text: reference };
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
    hint: `Write ${where === "--until" ? "" : "latest, latest-proven or "}a time${where === "--until" ? "" : ", also after before"}: ${momentForms}; without a zone it is a time of ${policy.timezone}, the policy's.`,
  });
}

function resolveTimed(context: PipelineContext, text: string, source: string, moment: string): ResolvedReference {
  if (!isSourceName(source)) {
    throw new HoldfastError("UsageInvalid", `${JSON.stringify(source)} before the @ cannot be the name of a source`, {
      hint: referenceHint,
    });
  }
  if (isBackupId(moment)) return { by: "name", text: `${source}/${moment}` };
  if (moment === "latest" || moment === "latest-proven") return { by: "time", text, source, provenOnly: moment !== "latest" };
  const { policy, run } = context;
  const [, strictly] = /^before:(.*)$/s.exec(moment) ?? [];
  const { instant, notes } = readMoment(context, strictly ?? moment, "after the @");
  const shown = `${formatInZone(instant, policy.timezone)} (${instant.toISOString()})`;
  const meant = `${text}: what there was ${strictly === undefined ? `at ${shown}, or the newest before` : `before ${shown}`}`;
  run.log.info([meant, ...notes].join("; "));
  // Positions are told to the millisecond.
  return { by: "time", text, source, provenOnly: false, at: strictly === undefined ? instant : new Date(instant.getTime() - 1) };
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
