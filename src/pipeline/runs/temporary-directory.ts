/**
 * The place for temporary files, looked at before it is needed: what is wrong with it is the
 * machine's fault, and no backup's.
 */
import { access, constants, stat, statfs } from "node:fs/promises";
import { HoldfastError } from "../../errors/holdfast-error.ts";

/**
 * Makes sure that temporary files can be made in `directory`, and gives the bytes that are free
 * there.
 * Errors: UsageInvalid, when it is missing, no directory, or not writable.
 */
export async function requireTemporaryDirectory(directory: string): Promise<number> {
  try {
    if (!(await stat(directory)).isDirectory()) throw unusable(directory, "is not a directory");
    await access(directory, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw unusable(directory, "does not exist", error);
    throw unusable(directory, code === "EACCES" || code === "EROFS" ? `cannot be written to (${code})` : message, error);
  }
}

function unusable(directory: string, fact: string, cause?: unknown): HoldfastError {
  return new HoldfastError("UsageInvalid", `the directory for temporary files, ${directory}, ${fact}`, {
    cause,
    hint: "Set HOLDFAST_TMPDIR to a directory with room that exists and that this user may write to.",
  });
}
