/**
 * Directories for one operation's files: nobody else may look into them, and they go away with
 * whatever is in them.
 */
import { chmod, chown, lstat, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "../errors/holdfast-error.ts";

export interface PrivateDirectory {
  readonly path: string;
  /** Removes the directory with all it holds; true when it is gone. Never throws; idempotent. */
  remove(): Promise<boolean>;
}

export interface PrivateDirectoryOptions {
  /** Whose it becomes, for servers that refuse root; needs root. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
  /**
   * A directory in it with a name of one letter will hold a Unix socket: when `parent` is too long
   * for one, /tmp is used.
   */
  readonly sockets?: boolean | undefined;
}

/**
 * sockaddr_un's 108 bytes with the terminating NUL, less a directory's name, `/.s.PGSQL.65535.lock`
 * and mkdtemp's six characters.
 */
const maxSocketPrefixBytes = 107 - "/s/.s.PGSQL.65535.lock".length - 6;

/**
 * Makes a directory of mode 0700 in `parent`, named `prefix` and six random characters.
 * Errors: DiskFull; UsageInvalid when `parent` is missing or not writable.
 */
export async function makePrivateDirectory(
  parent: string,
  prefix: string,
  options: PrivateDirectoryOptions = {},
): Promise<PrivateDirectory> {
  const tooLong = options.sockets === true && Buffer.byteLength(join(parent, prefix)) > maxSocketPrefixBytes;
  const base = tooLong ? "/tmp" : parent;
  let path: string;
  try {
    path = await mkdtemp(join(base, prefix));
  } catch (error) {
    throw makeError(base, error as NodeJS.ErrnoException);
  }
  try {
    await chmod(path, 0o700);
    if (options.owner !== undefined) await chown(path, options.owner.uid, options.owner.gid);
  } catch (error) {
    await removeTree(path);
    throw makeError(base, error as NodeJS.ErrnoException);
  }
  return { path, remove: () => removeTree(path) };
}

function makeError(base: string, error: NodeJS.ErrnoException): HoldfastError {
  if (error.code === "ENOSPC" || error.code === "EDQUOT") {
    return new HoldfastError("DiskFull", `no room for a temporary directory in ${base}`, { cause: error });
  }
  return new HoldfastError("UsageInvalid", `cannot make a private directory in ${base}: ${error.code ?? error.message}`, {
    cause: error,
    hint: "Set TMPDIR to a directory that exists and that this user may write to.",
  });
}

async function removeTree(path: string): Promise<boolean> {
  // A server that is just ending may still write: ENOTEMPTY is retried. A tree without permissions
  // is opened up first.
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
      return true;
    } catch {
      await openUp(path);
    }
  }
  return !(await exists(path));
}

async function openUp(path: string): Promise<void> {
  try {
    if (!(await lstat(path)).isDirectory()) return;
    await chmod(path, 0o700);
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (entry.isDirectory()) await openUp(join(path, entry.name));
    }
  } catch {
    // Vanished, or not ours: the next removal says which.
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
