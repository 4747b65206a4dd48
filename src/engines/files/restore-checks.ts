/** The preflight of a restore to a directory: each failing check says how to fix it. */
import { access, constants, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { ContentDigest } from "../../proof/content.ts";
import type { Finding } from "../finding.ts";
import type { RestoreRequest } from "../restore-request.ts";
import type { FilesBackup } from "./backup-facts.ts";
import { findInterrupted, listUnusedCopies } from "./restore-swap.ts";
import type { RestoreTarget } from "./restore-target.ts";
import { bytesAnEntry, estimateThrowawayBytes } from "./throwaway.ts";

/**
 * All findings about the target, in the order in which a person would fix them; `part` is chosen.
 */
export async function checkTarget(
  backup: Pick<FilesBackup, "facts">,
  target: RestoreTarget,
  request: RestoreRequest,
  part?: ContentDigest,
): Promise<readonly Finding[]> {
  return [
    ...checkOccupied(target, request),
    ...(await checkParent(target)),
    ...(await checkRoom(takes(backup, part), target, request)),
    ...checkOwners(request),
    ...(await checkLeftovers(target)),
  ];
}

function checkOccupied({ path, state }: RestoreTarget, { overwrite, swap }: RestoreRequest): readonly Finding[] {
  if (state === "absent" && swap === true) {
    const remedy = "Correct the path after --to, or leave --swap out.";
    return [{ level: "error", subject: "target", message: `${path} does not exist, so there is nothing to swap`, remedy }];
  }
  if (state === "occupied" && !overwrite) {
    const remedy = "Restore to a new directory, or rename what is there out of the way with --overwrite.";
    return [{ level: "error", subject: "target", message: `${path} exists and is not empty`, remedy }];
  }
  const words = {
    absent: "does not exist yet",
    empty: "exists and is empty",
    occupied: "exists; what it holds is kept under another name",
  };
  return [{ level: "ok", subject: "target", message: `${path} ${words[state]}` }];
}

async function checkParent({ path }: RestoreTarget): Promise<readonly Finding[]> {
  const parent = dirname(path);
  try {
    await access(parent, constants.W_OK | constants.X_OK);
    return [];
  } catch {
    const message = `this user may not write to ${parent}`;
    const remedy = "Restore to a place that this user may write to, or run the restore as a user that may.";
    return [{ level: "error", subject: "privileges", message, remedy }];
  }
}

interface Room {
  readonly bytes: number;
  readonly entries: number;
}

function takes(backup: Pick<FilesBackup, "facts">, part: ContentDigest | undefined): Room {
  const { files, directories, symlinks } = backup.facts;
  if (part === undefined) return { bytes: estimateThrowawayBytes(backup), entries: files + directories + symlinks };
  return { bytes: part.bytes + bytesAnEntry * part.objectCount, entries: part.objectCount };
}

async function checkRoom(
  { bytes: needed, entries }: Room,
  { path, state }: RestoreTarget,
  { ignoreRoom }: RestoreRequest,
): Promise<readonly Finding[]> {
  const statistics = await statfs(dirname(path)).catch(() => undefined);
  const takes = `it takes ${megabytes(needed)} at most${state === "occupied" ? ", beside what is there" : ""}`;
  // Some, in memory or over a network, count no blocks.
  if (statistics === undefined || statistics.blocks === 0) {
    return [{ level: "note", subject: "room", message: `how much room ${dirname(path)} has cannot be known; ${takes}` }];
  }
  const free = statistics.bavail * statistics.bsize;
  // Some file systems count no inodes.
  const lacksInodes = statistics.files > 0 && statistics.ffree < entries;
  const message = lacksInodes
    ? `${statistics.ffree} inodes are free in ${dirname(path)}, and it takes ${entries}`
    : `${megabytes(free)} are free in ${dirname(path)}; ${takes}`;
  if (free >= needed && !lacksInodes) return [{ level: "ok", subject: "room", message }];
  const remedy = "Make room there, restore to another file system, or go on all the same with --ignore-room.";
  return [{ level: ignoreRoom === true ? "warning" : "error", subject: "room", message, remedy }];
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6).toLocaleString("en-US")} MB`;
}

function checkOwners({ flags }: RestoreRequest): readonly Finding[] {
  if (process.geteuid?.() === 0 || flags?.has("no-owner") === true) return [];
  const message = "only root can give entries to their owners: what belonged to others will belong to this user";
  return [{ level: "note", subject: "owners", message, remedy: "Run the restore as root to keep owners." }];
}

async function checkLeftovers({ path }: RestoreTarget): Promise<readonly Finding[]> {
  const interrupted = await findInterrupted(path);
  if (interrupted !== undefined) {
    const message = `an overwrite of ${path} was cut off between its two renames: what stood there is ${interrupted.before}`;
    const remedy = `The restore gives it its name back first; to use the restored copy instead: mv ${interrupted.restored} ${path}`;
    return [{ level: "warning", subject: "leftovers", message, remedy }];
  }
  return (await listUnusedCopies(path)).map((copy) => ({
    level: "warning" as const,
    subject: "leftovers",
    message: `${copy} is a whole copy that an overwrite which was cut off left`,
    remedy: "Use it or remove it, when no restore is running.",
  }));
}
