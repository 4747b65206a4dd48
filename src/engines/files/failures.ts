/** Errors of the file system's calls, told in the catalogue's words. */
import type { ErrorName } from "../../errors/catalogue.ts";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { errorCode } from "../../runtime/error-code.ts";

/**
 * The error as one of the catalogue: DiskFull when the disk or a quota is full, else `otherwise`.
 * `what` says what could not be done, where. Errors of the catalogue come back as they are.
 */
export function fileFailure(error: unknown, what: string, otherwise: ErrorName): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const code = errorCode(error);
  if (code === "ENOSPC" || code === "EDQUOT") return new HoldfastError("DiskFull", `${what}: no room is left`, { cause: error });
  return new HoldfastError(otherwise, `${what}: ${describeCode(code)}`, { cause: error });
}

const words: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EIO: "the disk reports an input/output error",
  EROFS: "the file system is read-only",
  ENOENT: "it does not exist",
  ENAMETOOLONG: "the name is too long there",
  EMFILE: "too many files are open",
  ESTALE: "the network file system has lost it",
};

export function describeCode(code: string): string {
  const text = words[code];
  return text === undefined ? code : `${text} (${code})`;
}
