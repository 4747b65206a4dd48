/** Chooses the backup that is meant by a source and a time, by what the backups cover. */
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import type { Coverage } from "../../proof/position.ts";
import { type BackupEntry, listBackups } from "../../vault/catalogue.ts";
import { hasChains } from "../../vault/chains.ts";
import { isFuture } from "../../vault/documents/future.ts";
import { readManifest } from "../../vault/documents/manifest.ts";
import { examineBackup } from "../../vault/examine-backup.ts";
import { followLinks } from "../../vault/examine-base.ts";
import { readEntry, stampOf, walkBack, windowsMs } from "../../vault/find-backup.ts";
import type { Vault } from "../../vault/vault.ts";
import { chainedHistoryOf, rulesOf } from "../list-source.ts";
import { authenticatorOf } from "../opening/authentic-manifest.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { type CandidateAt, candidatesAt } from "./candidates-at.ts";
import type { TimedReference } from "./resolve-reference.ts";

/** How many damaged backups are named that were stepped over; the others are counted. */
const maxNamed = 5;

/**
 * The newest backup of the source, or the one that brings back the reference's instant. One that is
 * damaged, or builds on what is, is stepped over, which the log says; where there is no other, it
 * is chosen, and its reader refuses it. Errors: BackupNotFound, which names the nearest; those of
 * ObjectStore.
 */
export async function chooseBackup(
  context: PipelineContext,
  vault: Vault,
  reference: TimedReference,
): Promise<CandidateAt<BackupEntry>> {
  const damaged: CandidateAt<BackupEntry>[] = [];
  for await (const candidate of candidatesOf(context, vault, reference)) {
    if (candidate.entry.state === "damaged") damaged.push(candidate);
    else {
      warnOfDamaged(context, reference, damaged, candidate.entry);
      return candidate;
    }
  }
  const [newest] = damaged;
  if (newest !== undefined) return newest;
  throw await notFound(context, vault, reference);
}

function warnOfDamaged(
  { run }: PipelineContext,
  { text }: TimedReference,
  damaged: readonly CandidateAt<BackupEntry>[],
  { id }: BackupEntry,
): void {
  if (damaged.length === 0) return;
  const more = damaged.length > maxNamed ? ` and ${damaged.length - maxNamed} more` : "";
  const names = damaged.slice(0, maxNamed).map(({ entry }) => entry.id);
  run.log.warn(`${text}: ${names.join(", ")}${more} would come first, but cannot be relied on (damaged); ${id} is taken`);
}

/** In the order in which they are meant. */
async function* candidatesOf(
  context: PipelineContext,
  vault: Vault,
  { source, at, provenOnly }: TimedReference,
): AsyncGenerator<CandidateAt<BackupEntry>> {
  if (at !== undefined && !hasChains(rulesOf(context, source))) return yield* candidatesBefore(context, vault, source, at);
  if (at !== undefined) {
    const { backups } = await chainedHistoryOf(context, vault, source);
    const known = backups.filter(({ future }) => !future);
    return yield* candidatesAt(at.toISOString(), known, coverageReader(context, vault));
  }
  const followed = followLinks();
  for await (const entry of newestFirst(context, vault, source)) {
    if (!provenOnly) yield { entry };
    else if (await isProven(context, vault, entry, followed)) yield { entry };
  }
}

/**
 * Of backups that stand alone, each for itself: listed from shortly before the instant on, and
 * further back as long as none will do.
 */
async function* candidatesBefore(
  context: PipelineContext,
  vault: Vault,
  source: string,
  at: Date,
): AsyncGenerator<CandidateAt<BackupEntry>> {
  const { clock, signal } = context.run;
  const coverageOf = coverageReader(context, vault);
  let oldest: string | undefined;
  for (const windowMs of [...windowsMs, undefined]) {
    const since = windowMs === undefined ? undefined : stampOf(at.getTime() - windowMs);
    const listed: BackupEntry[] = [];
    for await (const entry of listBackups(vault, { source, since, signal, now: clock.now() })) {
      if (oldest !== undefined && entry.id >= oldest) break;
      if (!entry.future) listed.push(entry);
    }
    oldest = listed[0]?.id ?? oldest;
    yield* candidatesAt(at.toISOString(), listed, coverageOf);
  }
}

/** Whether a restore test's evidence bears it out, and nothing since speaks against it. */
async function isProven(
  context: PipelineContext,
  vault: Vault,
  entry: BackupEntry,
  followed: ReturnType<typeof followLinks>,
): Promise<boolean> {
  if (entry.state !== "proven" || entry.suspicious) return false;
  const examined = await examineBackup(vault.store, entry, authenticatorOf(context, vault), followed);
  return examined?.state === "proven" && !examined.suspicious;
}

/**
 * A source's backups that are not dated in the future. Where they build on each other, what the
 * chains say of them is known from all; else no more are listed than are asked for.
 */
async function* newestFirst(context: PipelineContext, vault: Vault, source: string): AsyncGenerator<BackupEntry> {
  if (hasChains(rulesOf(context, source))) {
    const { backups } = await chainedHistoryOf(context, vault, source);
    yield* backups.filter(({ future }) => !future).reverse();
    return;
  }
  const now = context.run.clock.now();
  for await (const place of walkBack(vault.store, source, now)) {
    if (!isFuture(place.startedAt, now)) yield await readEntry(vault, place, now);
  }
}

/** No key at hand, or no right to read the seal, or a rule of the bucket that archived it. */
const cannotTell = ["KeyUnavailable", "KeyFileInvalid", "StoreAccessDenied", "ArtifactArchived"] as const;

/**
 * Reads what a backup covers, each manifest once; one that is damaged, or was not made with the
 * vault's key, says nothing.
 */
export function coverageReader(context: PipelineContext, vault: Vault): (entry: BackupEntry) => Promise<Coverage | undefined> {
  const authenticate = authenticatorOf(context, vault);
  const known = new Map<string, Promise<Coverage | undefined>>();
  const read = async ({ source, id }: BackupEntry): Promise<Coverage | undefined> => {
    try {
      const { manifest, sha256 } = await readManifest(vault.store, source, id);
      await authenticate({ source, id, sha256 }).catch((error: unknown) => {
        if (!isHoldfastError(error, ...cannotTell)) throw error;
      });
      return manifest.coverage;
    } catch (error) {
      if (!isHoldfastError(error, "ManifestDamaged", "BackupNotFound", "VaultInvalid", "KeyMissing", "StoreAccessDenied"))
        throw error;
      if (error.name !== "BackupNotFound") context.run.log.warn(`${id} is left out of the choice: ${error.message}`);
      return undefined;
    }
  };
  return (entry) => {
    const reading = known.get(entry.id) ?? read(entry);
    known.set(entry.id, reading);
    return reading;
  };
}

async function notFound(
  context: PipelineContext,
  { store }: Vault,
  { source, at, provenOnly }: TimedReference,
): Promise<HoldfastError> {
  const proven = provenOnly ? " that is proven" : "";
  const when = at === undefined ? "" : ` of ${at.toISOString()} or before`;
  const message = `source "${source}" has no backup${proven}${when} in ${store.url}`;
  let nearest: string | undefined;
  for await (const { id } of walkBack(store, source, context.run.clock.now())) {
    nearest = id;
    if (at === undefined) break;
  }
  if (nearest === undefined) return new HoldfastError("BackupNotFound", `${message}; there is none to choose from`);
  return new HoldfastError("BackupNotFound", `${message}; the nearest: ${source}/${nearest}`);
}
