/**
 * What somebody should know of a backup before it is used: its age, its worth, and what it lacks.
 */
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import { formatAge, formatDuration } from "../../report/format.ts";
import type { BackupEntry } from "../../vault/catalogue.ts";
import { describeInherited } from "../../vault/chains.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { chooseBackup, coverageReader } from "./choose-backup.ts";
import type { FoundBackup } from "./find-backups.ts";

export interface DescribedChoice {
  /** The instant that is brought back, ISO 8601; absent where its manifest does not say. */
  readonly point?: string;
  /** From then to now. */
  readonly ageSeconds?: number;
  /** The newest check, as its key says it; absent: nobody has looked at it. */
  readonly evidence?: { readonly check: string; readonly at: string };
  /** The backup that reaches furthest, where that is another, and how much later it ends. */
  readonly newer?: { readonly id: string; readonly point: string; readonly laterSeconds: number };
  /** All of this in sentences. */
  readonly lines: readonly string[];
}

/**
 * Describes a backup that was found. Reads its manifest, and that of the source's newest backup
 * that is not damaged. Errors: those of ObjectStore.
 */
export async function describeChoice(context: PipelineContext, { entry, vault, until }: FoundBackup): Promise<DescribedChoice> {
  const now = context.run.clock.now();
  const coverageOf = coverageReader(
    { ...context, run: { ...context.run, log: { ...context.run.log, warn: () => undefined } } },
    vault,
  );
  const point = until ?? (await coverageOf(entry))?.to.at;
  const check = entry.checks.at(-1);
  const newest = await findNewestSound(context, { entry, vault });
  const newestPoint = newest === undefined ? undefined : (await coverageOf(newest))?.to.at;
  const isNewer = newest !== undefined && point !== undefined && newestPoint !== undefined && newestPoint > point;
  const newer = isNewer
    ? { id: newest.id, point: newestPoint, laterSeconds: secondsBetween(point, new Date(newestPoint)) }
    : undefined;
  return {
    ...(point === undefined ? {} : { point, ageSeconds: secondsBetween(point, now) }),
    ...(check === undefined ? {} : { evidence: { check: check.check, at: check.at } }),
    ...(newer === undefined ? {} : { newer }),
    lines: [
      ...(point === undefined ? [] : [`brings back what there was at ${point}, ${formatAge(new Date(point), now)} ago`]),
      describeWorth(entry, now),
      ...(point === undefined ? [] : [describeLoss(newer)]),
    ],
  };
}

function secondsBetween(from: string, to: Date): number {
  return Math.max(0, Math.round((to.getTime() - Date.parse(from)) / 1000));
}

/** The state, and what it rests on. */
function describeWorth(entry: BackupEntry, now: Date): string {
  const { state, suspicious, checks } = entry;
  const last = checks.at(-1);
  const inherited = describeInherited(entry);
  return [
    `it is ${state}${suspicious ? " and suspicious" : ""}${inherited === undefined ? "" : ` (${inherited})`}`,
    last === undefined ? "nobody has read it back" : `last check: ${last.check}, ${formatAge(new Date(last.at), now)} ago`,
    ...(state === "verified" ? ["no restore test has proven it"] : []),
  ].join("; ");
}

function describeLoss(newer: DescribedChoice["newer"]): string {
  if (newer === undefined) return "what was written after that is in no backup";
  return `what was written after that is not in it: ${newer.id} goes ${formatDuration(newer.laterSeconds * 1000)} further, to ${newer.point}`;
}

async function findNewestSound(context: PipelineContext, { entry, vault }: FoundBackup): Promise<BackupEntry | undefined> {
  const reference = { by: "time", text: `${entry.source}@latest`, source: entry.source, provenOnly: false } as const;
  const quiet = { ...context, run: { ...context.run, log: { ...context.run.log, warn: () => undefined } } };
  try {
    const { entry: newest } = await chooseBackup(quiet, vault, reference);
    return newest.id === entry.id ? undefined : newest;
  } catch (error) {
    if (isHoldfastError(error, "BackupNotFound")) return undefined;
    throw error;
  }
}
