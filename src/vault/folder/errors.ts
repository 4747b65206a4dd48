/** What the file system says, in the catalogue's words. */
import type { Stats } from "node:fs";
import { HoldfastError } from "../../errors/holdfast-error.ts";

/** The errno of a file system error, or undefined for any other error. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  const { code } = error;
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/**
 * The catalogue's error for a file system error met while doing `what` (an infinitive) at `path`;
 * others are returned as they are, and so are those with a code in `except`.
 */
export function folderError(error: unknown, what: string, path: string, except: readonly string[] = []): unknown {
  const code = codeOf(error);
  if (error instanceof HoldfastError || code === undefined || except.includes(code)) return error;
  const options = { cause: error };
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return new HoldfastError("DiskFull", `no space left to ${what} ${path}`, options);
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new HoldfastError(
        "StoreAccessDenied",
        `cannot ${what} ${path}: ${code === "EROFS" ? "read-only file system" : "permission denied"} (${code})`,
        options,
      );
    case "ENOTDIR":
    case "EISDIR":
    case "ELOOP":
    case "EXDEV":
    case "EEXIST":
    case "ENAMETOOLONG":
    case "ENXIO":
      return new HoldfastError("VaultInvalid", `cannot ${what} ${path}, which is not as a folder vault has it: ${code}`, options);
    default:
      return new HoldfastError("StoreUnavailable", `cannot ${what} ${path}: ${code}`, options);
  }
}

/** What stands where a file must be, or undefined for a file. */
export function findOddKind(
  stats: Pick<Stats, `is${"File" | "SymbolicLink" | "Directory" | "FIFO" | "Socket"}`>,
): string | undefined {
  if (stats.isFile()) return undefined;
  if (stats.isSymbolicLink()) return "a symbolic link";
  if (stats.isDirectory()) return "a directory";
  if (stats.isFIFO()) return "a named pipe";
  return stats.isSocket() ? "a socket" : "a device";
}

/**
 * Nothing but directories and files belongs in a folder vault: links could lead out of it, pipes
 * and devices never end.
 */
export function notAnObject(what: string, path: string): HoldfastError {
  const hint =
    what === "a symbolic link"
      ? "Replace the link by what it leads to; the vault as a whole may lie behind a link or a mount point."
      : "Find out who put it there, and move it out of the vault.";
  return new HoldfastError("VaultInvalid", `${path} is ${what}: a folder vault holds none`, { hint });
}
