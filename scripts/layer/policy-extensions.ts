/** The extensions that a policy's sources ask for. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, resolve } from "node:path";
import { parsePolicy } from "../../src/policy/parse-policy.ts";

/**
 * Their names (`restoreTest.extensions`), each once. Errors: PolicyInvalid; a plain Error for a
 * file that cannot be read.
 */
export function readPolicyExtensions(file: string): string[] {
  const path = resolve(file);
  const { sources } = parsePolicy(readFileSync(path, "utf8"), file, { directory: dirname(path), home: homedir() });
  return [...new Set(Object.values(sources).flatMap(({ restoreTest }) => restoreTest.extensions ?? []))].toSorted();
}
