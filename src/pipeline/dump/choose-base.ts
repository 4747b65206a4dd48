/**
 * Which backup a new one builds on (ADR 0038): the newest sound one of the kinds that its rule
 * names, and for logs what leaves no gap.
 */
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import type { BackupKind, SourceConfig } from "../../policy/policy.ts";
import type { Notice } from "../../proof/content.ts";
import { type DatedPlace, walkBack } from "../../vault/find-backup.ts";
import { isFirstLog, parseBackupId } from "../../vault/layout.ts";
import type { Vault } from "../../vault/vault.ts";
import { readAuthenticManifest } from "../opening/authentic-manifest.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { type BaseSearch, findDamaged, type SoundBase, tryBase } from "./base-candidate.ts";

export interface ChosenBase {
  /** What was asked for; `full` where that has nothing to build on. */
  readonly kind: BackupKind;
  readonly base?: SoundBase;
  readonly notices: readonly Notice[];
  /** When a candidate was last recorded as damaged; what is made is begun in a later second. */
  readonly skippedAt?: Date | undefined;
}

const hourMs = 3_600_000;
/**
 * How long before the newest log a backup can have been begun that no log has begun anew on: longer
 * than any dump can run (prune.ts, orphanGraceSeconds).
 */
const maxDumpMs = 26 * hourMs;
const windowsMs = [maxDumpMs, 100 * 24 * hourMs] as const;

/**
 * Chooses the base of a backup of `kind`. What is damaged, or builds on what is, is skipped
 * (base-candidate.ts). Without any, a full is made instead, which a notice says. `anew`: a log that
 * cannot go on from the newest one. How many requests it takes depends on the backups of the last
 * day, not on the history. Errors: BackupNotFound, for a log, and where the engine makes no full
 * ones; those of tryBase.
 */
export async function chooseBase(
  context: PipelineContext,
  vault: Vault,
  source: SourceConfig,
  kind: BackupKind,
  anew = false,
): Promise<ChosenBase> {
  const buildsOn = source.traits.chains[kind];
  if (buildsOn === undefined) return { kind, notices: [] };
  const search: BaseSearch = { context, vault, engine: await context.engineOf(source.engine), spoilt: new Set() };
  const goesOn = kind === "log" && buildsOn !== "latest-full" && !anew;
  const base = await (goesOn ? findForLog(search, source.name) : findNewestSound(search, source.name, buildsOn === "latest-full"));
  const { skippedAt } = search;
  if (base !== undefined) return { kind, base, notices: [], skippedAt };
  const lacks = `a ${kind} backup of ${source.name} needs ${buildsOn === "latest-full" ? "a full one" : "one"} to build on, and there is none that is sound`;
  // A log in between is asked for every minute; a full takes hours, and has a schedule of its own.
  if (kind === "log" || !source.traits.kinds.includes("full")) {
    throw new HoldfastError("BackupNotFound", lacks, { hint: `Run \`holdfast backup ${source.name} --kind full\` first.` });
  }
  context.run.log.warn(`${lacks}: a full one is made instead`);
  return {
    kind: "full",
    notices: [{ code: "full-instead", subject: kind, message: `${lacks}: this full one was made instead` }],
    skippedAt,
  };
}

/** Of those that are not logs. */
async function findNewestSound(search: BaseSearch, source: string, onlyFull: boolean): Promise<SoundBase | undefined> {
  for await (const place of listBack(search, source)) {
    const kind = parseBackupId(place.id)?.kind;
    if (kind === "log" || (onlyFull && kind !== "full")) continue;
    const base = await tryBase(search, place);
    if (base !== undefined) return base;
  }
  return undefined;
}

async function* listBack({ context, vault }: BaseSearch, source: string): AsyncGenerator<DatedPlace, void, undefined> {
  const now = context.run.clock.now();
  for await (const place of walkBack(vault.store, source, now, windowsMs)) if (place.startedAt <= now) yield place;
}

/**
 * The newest sound log, so that no instant is left out between it and the new one; or, as soon as
 * that reaches a newer backup of another kind than its own logs began on, that backup: logs begin
 * anew there, and the older ones can go one day. Without a log, the newest of the others.
 */
async function findForLog(search: BaseSearch, source: string): Promise<SoundBase | undefined> {
  const others: DatedPlace[] = [];
  let log: SoundBase | undefined;
  /** Before it is known, no id sorts so low. */
  let anchor = "";
  let since = 0;
  for await (const place of listBack(search, source)) {
    if (place.id <= anchor || place.startedAt.getTime() < since) break;
    if (parseBackupId(place.id)?.kind !== "log") {
      others.push(place);
      continue;
    }
    if (log === undefined) {
      log = await tryBase(search, place);
      if (log === undefined) continue;
      since = place.startedAt.getTime() - maxDumpMs;
    }
    if (anchor === "" && isFirstLog(place.id)) anchor = await readAnchor(search, place);
  }
  if (log === undefined) return tryEach(search, others);
  const { at } = log.manifest.coverage.to;
  const covered = others.filter(({ startedAt }) => startedAt.toISOString() <= at);
  return (await tryEach(search, covered, at)) ?? log;
}

/** The first that is sound and ends by `until`. */
async function tryEach(search: BaseSearch, places: readonly DatedPlace[], until?: string): Promise<SoundBase | undefined> {
  for (const place of places) {
    const base = await tryBase(search, place);
    if (base !== undefined && (until === undefined || base.manifest.coverage.to.at <= until)) return base;
  }
  return undefined;
}

/** What a first log builds on; empty for one that nothing goes on from: it is damaged. */
async function readAnchor(search: BaseSearch, { source, id }: DatedPlace): Promise<string> {
  if ((await findDamaged(search, source, [id])) !== undefined) return "";
  try {
    return (await readAuthenticManifest(search.context, search.vault, source, id)).manifest.base?.id ?? "";
  } catch (error) {
    if (!isHoldfastError(error, "ManifestDamaged", "BackupNotFound", "VaultInvalid", "KeyMissing")) throw error;
    return "";
  }
}
