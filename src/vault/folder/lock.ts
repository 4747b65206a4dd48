/**
 * A lock on one key of a folder vault, for the moment between looking at an object and replacing
 * it. Files only, so that it works on any file system and between containers; a lock whose owner
 * died is taken over without two taking it.
 */
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, link, lstat, open, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { Clock } from "../../runtime/clock.ts";
import { sha256Hex } from "../documents/canonical-json.ts";
import { partialDirectory } from "../object-key.ts";
import { type ProcessIdentity, type ProcessTable, parseProcessIdentity } from "../process-identity.ts";
import { codeOf, findOddKind, folderError, notAnObject } from "./errors.ts";
import { nameOf, type OpenDirectory } from "./way.ts";

export interface FolderLockOptions {
  /** The vault's directory for files that are no objects. */
  readonly directory: OpenDirectory;
  readonly clock: Clock;
  readonly processes: ProcessTable;
}

interface Claim {
  /** Random: a claim that was given up never comes back. */
  readonly token: string;
  readonly process: ProcessIdentity | null;
}

/** Time between two looks at a lock that another holds; it is held for a few writes. */
const pollMs = 5;
/**
 * How long an owner elsewhere (another machine, another container, before a restart) is watched
 * before it counts as dead. What the lock guards takes milliseconds; and an owner that was only
 * paused for longer still sees at its commit that the lock is gone.
 */
const watchMs = 30_000;
/** Longest wait for a lock that keeps changing hands. */
const patienceMs = 120_000;

/**
 * Runs `work` while no other process does so for the same key. `stillHeld` is to be asked right
 * before what cannot be undone.
 * Errors: StoreConflict when the lock cannot be had or was lost, those of the file system, those of
 * `work`.
 */
export async function withKeyLock<T>(
  options: FolderLockOptions,
  key: string,
  work: (assertStillHeld: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const name = `${sha256Hex(Buffer.from(key)).slice(0, 32)}.lock`;
  const path = `${options.directory.path}/${name}`;
  const claim: Claim = { token: randomBytes(16).toString("hex"), process: options.processes.self ?? null };
  try {
    await acquire(options, path, claim, key);
  } catch (error) {
    throw folderError(error, "lock", join(options.directory.shown, name));
  }
  const holds = async (): Promise<boolean> => (await readClaim(path))?.token === claim.token;
  try {
    return await work(async () => {
      if (!(await holds())) throw new HoldfastError("StoreConflict", `the lock on ${key} was taken over by another process`);
    });
  } finally {
    // What cannot be removed (the disk has gone, say) is taken over by the next process as that of
    // a dead one.
    if (await holds().catch(() => false)) await unlink(path).catch(() => undefined);
  }
}

async function acquire(options: FolderLockOptions, path: string, claim: Claim, key: string): Promise<void> {
  const startedMs = options.clock.monotonicMs();
  let watched: { token: string; sinceMs: number } | undefined;
  while (!(await tryClaim(path, claim))) {
    const current = await readClaim(path);
    const nowMs = options.clock.monotonicMs();
    if (current === undefined) continue;
    if (watched?.token !== current.token) watched = { token: current.token, sinceMs: nowMs };
    const watchedMs = nowMs - watched.sinceMs;
    const gone = isDead(current, options.processes) ?? watchedMs > watchMs;
    if (gone) await removeDead(options, path, current, watchedMs);
    else if (nowMs - startedMs > patienceMs)
      throw new HoldfastError("StoreConflict", `${key} has been locked by others for too long`);
    else await sleep(pollMs);
  }
}

function isDead(claim: Claim, processes: ProcessTable): boolean | undefined {
  return claim.process === null ? undefined : processes.isGone(claim.process);
}

/**
 * Removes a dead owner's lock. Only the one process that holds the claim "remover of <token>" may
 * do so, and tokens are unique, so that a live owner's lock that took its place is never removed. A
 * remover that died is itself replaced by the "remover of" its token.
 */
async function removeDead(options: FolderLockOptions, path: string, dead: Claim, watchedMs: number): Promise<void> {
  const mine: Claim = { token: randomBytes(16).toString("hex"), process: options.processes.self ?? null };
  const claims: string[] = [];
  for (let token = dead.token; ; ) {
    const remover = `${options.directory.path}/${token}.remover`;
    claims.push(remover);
    if (await tryClaim(remover, mine)) break;
    const other = await readClaim(remover);
    // Another process is at it, or has just been: look again.
    if (other === undefined || !(isDead(other, options.processes) ?? watchedMs > 2 * watchMs)) return sleep(pollMs);
    token = other.token;
  }
  if ((await readClaim(path))?.token === dead.token) await unlink(path);
  for (const path of claims) await unlink(path).catch(() => undefined);
}

/**
 * Creates the file with its content at once, by linking a written file into place: there is never
 * an empty lock. False: it is there already.
 */
async function tryClaim(path: string, claim: Claim): Promise<boolean> {
  const temporary = `${path}.${claim.token}`;
  await writeFile(temporary, JSON.stringify(claim), { mode: 0o600, flush: false, flag: "wx" });
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    if (!noHardLinks(error)) throw error;
    return await claimWithoutLinks(path, claim);
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

/** exFAT, some network and user-space file systems have no hard links. */
export function noHardLinks(error: unknown): boolean {
  return ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes(codeOf(error) ?? "");
}

/** Without links a lock may be seen empty for a moment; readers take that for "look again". */
async function claimWithoutLinks(path: string, claim: Claim): Promise<boolean> {
  try {
    await writeFile(path, JSON.stringify(claim), { mode: 0o600, flag: "wx" });
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** A claim has some hundred bytes. */
const maxClaimBytes = 4096;

/**
 * What stands at `path`, up to the length of a claim; neither a link nor a pipe that somebody put
 * there is followed or waited for.
 */
async function readClaimText(path: string): Promise<string | undefined> {
  let handle: FileHandle;
  try {
    const odd = findOddKind(await lstat(path));
    if (odd !== undefined) throw notAnObject(odd, `${partialDirectory}/${nameOf(path)}`);
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const buffer = Buffer.alloc(maxClaimBytes);
    const { bytesRead } = await handle.read(buffer, 0, maxClaimBytes, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function readClaim(path: string): Promise<Claim | undefined> {
  const text = await readClaimText(path);
  if (text === undefined) return undefined;
  try {
    const { token, process } = JSON.parse(text) as { token: unknown; process: unknown };
    if (typeof token === "string" && /^[0-9a-f]{32}$/.test(token)) return { token, process: parseProcessIdentity(process) ?? null };
  } catch {
    // Half a file: below.
  }
  // Torn by a power cut: nobody can own it, and its own content serves as its token.
  return { token: sha256Hex(Buffer.from(text)).slice(0, 32), process: null };
}
