/** The directory that a restore's --to means, and what stands there. */
import { readdir, realpath, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { errorCode } from "../../runtime/error-code.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import { describeCode, fileFailure } from "./failures.ts";
import { refuseOwnPaths } from "./refuse-own-paths.ts";
import { statOrUndefined } from "./restore-swap.ts";

export interface RestoreTarget {
  /** Absolute; a symbolic link at its end has been followed. */
  readonly path: string;
  readonly state: "absent" | "empty" | "occupied";
  readonly linkedFrom?: string;
}

/** What a restore of a database takes after --to: a URI, a reference, keywords with values. */
const connectionForms = [
  /^[a-z][a-z0-9+.-]*:\/\//i,
  /^(?:env|file|service|secret):/,
  /^(?:host|hostaddr|port|user|dbname|password|passfile|service)\s*=[^/]*\s\w+\s*=/i,
  /(?:^|\s)password\s*=/i,
];

/**
 * Errors: UsageInvalid (no directory, a mount point), TargetNotFound (no parent), RestoreRefused
 * (over a vault, a key or the policy), RestoreFailed (the system's error).
 */
export async function findTarget(given: string, { ownPaths }: RunContext): Promise<RestoreTarget> {
  if (given === "" || given.includes("\0"))
    throw new HoldfastError("UsageInvalid", "the target after --to is empty", { hint: "Name a directory after --to." });
  // As a path it would be repeated in messages, with the password in it.
  if (connectionForms.some((form) => form.test(given))) {
    throw new HoldfastError("UsageInvalid", "what is after --to looks like a connection, not like a directory", {
      hint: "This backup holds files: name a directory after --to. One whose name looks like this is written with ./ before it.",
    });
  }
  const path = resolve(given);
  await refuseOwnPaths(path, ownPaths);
  try {
    const link = await statOrUndefined(path);
    if (link?.isSymbolicLink() === true) return { ...(await examineTarget(await realpath(path))), linkedFrom: path };
    return await examineTarget(path);
  } catch (error) {
    throw fileFailure(error, `cannot restore to ${path}`, "RestoreFailed");
  }
}

async function examineTarget(path: string): Promise<RestoreTarget> {
  const parent = await stat(dirname(path)).catch((error: unknown) => {
    const code = errorCode(error);
    throw new HoldfastError(
      "TargetNotFound",
      code === "ENOENT"
        ? `the parent directory ${dirname(path)} does not exist`
        : `the parent directory ${dirname(path)} cannot be used: ${describeCode(code)}`,
      {
        cause: error,
        hint: "Make that directory first, or correct the path after --to.",
      },
    );
  });
  const present = await statOrUndefined(path);
  if (present === undefined) return { path, state: "absent" };
  if (!present.isDirectory()) {
    throw new HoldfastError("UsageInvalid", `${path} exists and is not a directory`, { hint: "Name a directory after --to." });
  }
  if (path === "/" || present.dev !== parent.dev) {
    throw new HoldfastError("UsageInvalid", `${path} is a mount point, which cannot be replaced`, {
      hint: "Name a directory inside it after --to, and move what you need from there.",
    });
  }
  return { path, state: (await readdir(path)).length === 0 ? "empty" : "occupied" };
}
