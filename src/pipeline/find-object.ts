/** The step that says which backups of a source hold an object, and how it changed between them. */
import { type HoldfastError, isHoldfastError } from "../errors/holdfast-error.ts";
import { type ObjectSum, sumObjects } from "../proof/listed-object.ts";
import type { BackupState } from "../vault/backup-state.ts";
import type { BackupEntry } from "../vault/catalogue.ts";
import { vaultsFor } from "./catalogue/find-backups.ts";
import { listObjects } from "./catalogue/list-objects.ts";
import { listEntries } from "./list-source.ts";
import type { PipelineContext } from "./pipeline-context.ts";

/** What one backup holds of the object. */
export interface Sighting {
  readonly vault: string;
  readonly source: string;
  readonly id: string;
  readonly kind: string;
  readonly startedAt: Date;
  readonly state: BackupState;
  readonly suspicious: boolean;
  /** Absent where it holds none of it, or nobody knows. */
  readonly held?: ObjectSum | undefined;
  /** Why nobody knows. */
  readonly unknown?: HoldfastError | "not read back" | undefined;
}

export interface FindRequest {
  readonly source: string;
  readonly matches: (object: string) => boolean;
  /** Only so many of the newest backups. */
  readonly last: number;
}

/**
 * Looks through the backups of a source that hold objects (logs hold changes), oldest first. A
 * backup that cannot be read does not keep the others from being looked through. Errors:
 * SourceNotFound by the caller; VaultNotFound, Interrupted, those of the vault as a whole.
 */
export async function findObject(context: PipelineContext, { source, matches, last }: FindRequest): Promise<Sighting[]> {
  const sightings: Sighting[] = [];
  for (const name of vaultsFor(context.policy, source)) {
    const vault = await context.vaultOf(name);
    const entries: BackupEntry[] = [];
    for await (const entry of listEntries(context, vault, { source })) {
      if (entry.kind === "log") continue;
      entries.push(entry);
      if (entries.length > last) entries.shift();
    }
    for (const entry of entries) {
      const { id, kind, startedAt, state, suspicious } = entry;
      const seen = await lookInto(context, { entry, vault }, matches);
      if (seen !== undefined) sightings.push({ vault: name, source, id, kind, startedAt, state, suspicious, ...seen });
    }
  }
  return sightings;
}

/** Undefined: the backup was deleted since it was listed. */
async function lookInto(
  context: PipelineContext,
  found: Parameters<typeof listObjects>[1],
  matches: (object: string) => boolean,
): Promise<Pick<Sighting, "held" | "unknown"> | undefined> {
  try {
    const listed = await listObjects(context, found);
    return listed === undefined ? { unknown: "not read back" } : { held: await sumObjects(listed.listing, matches) };
  } catch (error) {
    context.run.signal.throwIfAborted();
    if (!isHoldfastError(error)) throw error;
    return error.name === "BackupNotFound" ? undefined : { unknown: error };
  }
}
