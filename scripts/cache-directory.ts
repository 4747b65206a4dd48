/**
 * Where the project keeps what it fetched: in the checkout, or, when the servers' user cannot reach
 * that, in a place of its own.
 */
import { chmodSync, existsSync, lstatSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { canReach, findUnprivilegedUser, type UnprivilegedUser, userKey } from "./unprivileged-user.ts";

export const projectDirectory = dirname(dirname(fileURLToPath(import.meta.url)));

export interface CachePlaces {
  /** The checkout. */
  readonly project?: string;
  /** Where a cache of this user's own is made when the checkout is out of reach. */
  readonly shared?: string;
  readonly user?: UnprivilegedUser | undefined;
}

/**
 * The cache directory, made on first use: `.cache` in the checkout, or
 * `/var/tmp/holdfast-cache-<uid>` when the checkout lies where the unprivileged user that runs the
 * servers cannot enter (below /root, say). A directory of that name that belongs to someone else,
 * or that others may write to, is refused: programs are run from it.
 */
export function cacheDirectory(places: CachePlaces = {}): string {
  const project = places.project ?? projectDirectory;
  const user = "user" in places ? places.user : findUnprivilegedUser();
  const inside = join(project, ".cache");
  if (user === undefined || canReach(existsSync(inside) ? inside : project, user)) {
    mkdirSync(inside, { recursive: true });
    return inside;
  }
  const outside = join(places.shared ?? "/var/tmp", `holdfast-cache-${userKey()}`);
  mkdirSync(outside, { recursive: true, mode: 0o755 });
  const found = lstatSync(outside);
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o022) !== 0) {
    throw new Error(`${outside} belongs to another user or can be written by others; remove it, as programs are run from there`);
  }
  chmodSync(outside, 0o755);
  return outside;
}
