/**
 * What a restore's checks mean for it: one that failed refuses the restore, with all the others.
 */
import { HoldfastError } from "../errors/holdfast-error.ts";
import type { Finding } from "./finding.ts";

/** Errors: RestoreRefused, which names every check that failed and how to fix it. */
export function requirePassed(checks: readonly Finding[], target: string): void {
  const failed = checks.filter(({ level }) => level === "error");
  const [first] = failed;
  if (first === undefined) return;
  if (failed.length === 1) {
    throw new HoldfastError("RestoreRefused", first.message, first.remedy === undefined ? {} : { hint: first.remedy });
  }
  throw new HoldfastError("RestoreRefused", `${failed.length} checks of ${target} failed; nothing was touched`, {
    details: failed.map(({ subject, message, remedy }) => `${subject}: ${message}${remedy === undefined ? "" : `. ${remedy}`}`),
    hint: "Fix each of them as it says, and restore again; --dry-run shows every check.",
  });
}
