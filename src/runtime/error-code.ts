/**
 * The code of a system call's error (`ENOENT` …); anything else is not the file system's word and
 * is thrown on.
 */
export function errorCode(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) throw error;
  return code;
}
