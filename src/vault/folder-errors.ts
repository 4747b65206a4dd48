/** What the file system says, in the catalogue's words. */
import { HoldfastError } from "../errors/holdfast-error.ts";

/** The errno of a file system error, or undefined for any other error. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  const { code } = error;
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** The catalogue's error for a file system error met while doing `what` (an infinitive) at `path`; others are returned as they are. */
export function folderError(error: unknown, what: string, path: string): unknown {
  const code = codeOf(error);
  if (error instanceof HoldfastError || code === undefined) return error;
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
      return new HoldfastError("VaultInvalid", `cannot ${what} ${path}, which is not as a folder vault has it: ${code}`, options);
    default:
      return new HoldfastError("StoreUnavailable", `cannot ${what} ${path}: ${code}`, options);
  }
}
