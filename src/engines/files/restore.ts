/**
 * Restoring a tree to a directory of the user's. The tree is extracted beside its target, compared
 * there, and renamed into place by commit: the target is at every moment what it was, or whole;
 * what stood there is kept under another name.
 */
import { lstat, readdir, realpath, rename, stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import { errorCode } from "../../runtime/error-code.ts";
import { makePrivateDirectory, type PrivateDirectory } from "../../runtime/private-directory.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import type { BackupReader, Place, RestorePlan, RestoreRequest } from "../engine.ts";
import { describeCode, fileFailure } from "./failures.ts";
import { createPlace } from "./place.ts";
import { refuseOwnPaths } from "./refuse-own-paths.ts";

interface RestoreTarget {
  /** Absolute; a symbolic link at its end has been followed. */
  readonly path: string;
  readonly state: "absent" | "empty" | "occupied";
  readonly linkedFrom?: string;
}

/**
 * Says what a restore would do. The target is the path of a directory, relative to the working
 * directory or absolute; it need not exist, its parent must.
 * Errors: UsageInvalid (no directory, a mount point), TargetNotFound (no parent), RestoreRefused
 * (over a vault, a key or the policy), RestoreFailed (the system's error).
 */
export async function planRestore(backup: BackupReader, request: RestoreRequest, context: RunContext): Promise<RestorePlan> {
  const target = await findTarget(request.target, context);
  const occupied = target.state === "occupied";
  const steps = [
    ...(target.linkedFrom === undefined ? [] : [`follow the symbolic link ${target.linkedFrom} to ${target.path}`]),
    `extract ${backup.backupId} into a new directory beside ${target.path}`,
    "compare every entry there with the backup",
    ...(occupied ? [`rename ${target.path}, with all that it holds, to ${keptName(target.path, context.clock.now())}`] : []),
    `rename the extracted tree to ${target.path}`,
  ];
  return { target: target.path, steps, occupied };
}

/**
 * Opens a target. Errors: those of planRestore; RestoreRefused when it holds something and
 * `overwrite` is false; DiskFull.
 */
export async function openTarget(backup: BackupReader, request: RestoreRequest, context: RunContext): Promise<Place> {
  const target = await findTarget(request.target, context);
  if (target.state === "occupied" && !request.overwrite) {
    throw new HoldfastError("RestoreRefused", `${target.path} exists and is not empty`, {
      hint: "Restore to a new directory, or rename what is there out of the way with --overwrite.",
    });
  }
  const directory = await makeStaging(target.path);
  const facts: Record<string, unknown> = { kind: "directory", path: target.path, user: process.geteuid?.() ?? null };
  return createPlace({
    backup,
    context,
    directory,
    unheldTimes: "benign",
    failure: "RestoreFailed",
    facts,
    async commit(tree) {
      const kept = await moveIntoPlace(tree, target.path, request.overwrite, context);
      if (kept !== undefined) facts["replaced"] = kept;
    },
    async keepBeside(tree) {
      const kept = await freeName(`${target.path}.differs-${compactTime(context.clock.now())}`);
      await rename(tree, kept).catch((error: unknown) => {
        throw fileFailure(error, `cannot rename the restored tree to ${kept}`, "RestoreFailed");
      });
      return kept;
    },
  });
}

/** What a restore of a database takes after --to: a URI, a reference, keywords with values. */
const connectionForms = [
  /^[a-z][a-z0-9+.-]*:\/\//i,
  /^(?:env|file|service|secret):/,
  /^(?:host|hostaddr|port|user|dbname|password|passfile|service)\s*=[^/]*\s\w+\s*=/i,
  /(?:^|\s)password\s*=/i,
];

/**
 * Characters of the target's name that its sibling's begins with: 240 bytes at most, of the 255
 * that a name may have.
 */
const maxPrefix = 60;

async function makeStaging(path: string): Promise<PrivateDirectory> {
  try {
    return await makePrivateDirectory(dirname(path), `${basename(path).slice(0, maxPrefix)}.holdfast-`);
  } catch (error) {
    if (!isHoldfastError(error, "UsageInvalid")) throw error;
    throw new HoldfastError("UsageInvalid", `the parent directory ${dirname(path)} cannot be written to`, {
      cause: error,
      hint: "Restore to a place that this user may write to, or run the restore as a user that may.",
    });
  }
}

async function findTarget(given: string, { ownPaths }: RunContext): Promise<RestoreTarget> {
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

async function statOrUndefined(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** `<dir>.before-20261120T020000Z`, as ids of backups write times. */
function keptName(path: string, now: Date): string {
  return `${path}.before-${compactTime(now)}`;
}

function compactTime(now: Date): string {
  return now.toISOString().replace(/[-:]|\.\d+/g, "");
}

/** Gives the name under which what stood there is kept. */
async function moveIntoPlace(tree: string, path: string, overwrite: boolean, context: RunContext): Promise<string | undefined> {
  const { state } = await findTarget(path, context);
  if (state === "occupied" && !overwrite) {
    throw new HoldfastError("RestoreRefused", `${path} was filled by somebody else while the backup was restored`, {
      hint: "Restore to a new directory, or rename what is there out of the way with --overwrite.",
    });
  }
  let kept: string | undefined;
  try {
    if (state === "occupied") {
      kept = await freeName(keptName(path, context.clock.now()));
      await rename(path, kept);
    }
    // Onto an absent or empty directory a rename is one step; between the two renames of an
    // overwrite the target is absent, never half.
    await rename(tree, path);
    return kept;
  } catch (error) {
    if (kept !== undefined) await putBack(kept, path);
    throw fileFailure(error, `cannot rename the restored tree to ${path}`, "RestoreFailed");
  }
}

/**
 * The first rename may be the one that failed, or the second: only when the target is absent there
 * is something to put back.
 */
async function putBack(kept: string, path: string): Promise<void> {
  try {
    if ((await statOrUndefined(path)) === undefined) await rename(kept, path);
  } catch (error) {
    throw fileFailure(error, `what stood at ${path} is now ${kept}, and could not be renamed back`, "RestoreFailed");
  }
}

/** Two overwrites within one second must not meet. */
async function freeName(name: string): Promise<string> {
  let free = name;
  for (let number = 2; (await statOrUndefined(free)) !== undefined; number++) free = `${name}-${number}`;
  return free;
}
