/**
 * Restoring a tree to a directory of the user's. The tree is extracted beside its target, compared
 * there, and renamed into place by commit: the target is at every moment what it was, or whole;
 * what stood there is kept under another name.
 */
import { rename } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import { makePrivateDirectory, type PrivateDirectory } from "../../runtime/private-directory.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import type { Place } from "../place.ts";
import { requirePassed } from "../preflight.ts";
import type { RestorePlan, RestoreRequest, SwappedBack } from "../restore-request.ts";
import type { FilesBackup } from "./backup-facts.ts";
import { fileFailure } from "./failures.ts";
import { createPlace } from "./place.ts";
import { selectionChecks, surveySelection } from "./read-selection.ts";
import { checkTarget } from "./restore-checks.ts";
import { readStanding } from "./restore-standing.ts";
import { compactTime, freeName, freeNames, swapBackDirectory, swapDirectories, undoInterrupted } from "./restore-swap.ts";
import { findTarget } from "./restore-target.ts";

/**
 * Says what a restore would do. The target is the path of a directory, relative to the working
 * directory or absolute; it need not exist, its parent must.
 * Errors: UsageInvalid (no directory, a mount point), TargetNotFound (no parent), RestoreRefused
 * (over a vault, a key or the policy), RestoreFailed (the system's error).
 */
export async function planRestore(backup: FilesBackup, request: RestoreRequest, context: RunContext): Promise<RestorePlan> {
  const target = await findTarget(request.target, context);
  const { only } = request;
  const selection = only && (await surveySelection(backup, only, context));
  const part = only === undefined || selection === undefined ? [] : selectionChecks(only, selection);
  const checks = [...(await checkTarget(backup, target, request, selection?.digest)), ...part];
  const occupied = target.state === "occupied";
  const steps = [
    ...(target.linkedFrom === undefined ? [] : [`follow the symbolic link ${target.linkedFrom} to ${target.path}`]),
    `extract ${only === undefined ? "" : "what was chosen of "}${backup.backupId} into a new directory beside ${target.path}`,
    "compare every entry there with the backup",
    ...(occupied
      ? [`rename ${target.path}, with all that it holds, to ${(await freeNames(target.path, context.clock.now())).before}`]
      : []),
    `rename the extracted tree to ${target.path}`,
  ];
  return { target: target.path, steps, occupied, checks, ...(occupied ? { standing: await readStanding(target.path) } : {}) };
}

/**
 * Opens a target. Errors: those of planRestore; RestoreRefused where a check fails; DiskFull.
 */
export async function openTarget(backup: FilesBackup, request: RestoreRequest, context: RunContext): Promise<Place> {
  const found = await findTarget(request.target, context);
  await undoInterrupted(found.path, context.log);
  const target = await findTarget(request.target, context);
  const { only } = request;
  const selection = only && (await surveySelection(backup, only, context));
  requirePassed(await checkTarget(backup, target, request, selection?.digest), target.path);
  const directory = await makeStaging(target.path);
  const facts: Record<string, unknown> = { kind: "directory", path: target.path, user: process.geteuid?.() ?? null };
  return createPlace({
    backup,
    context,
    directory,
    only,
    unheldTimes: "benign",
    keepOwners: request.flags?.has("no-owner") !== true,
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

/**
 * Puts back what the newest overwrite has kept (Engine.swapBack). Errors: those of findTarget;
 * RestoreRefused when nothing is kept; RestoreFailed.
 */
export async function swapBack(request: RestoreRequest, context: RunContext, dryRun: boolean): Promise<SwappedBack> {
  const { path } = await findTarget(request.target, context);
  return swapBackDirectory(path, context, dryRun);
}

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

/** Gives the name under which what stood there is kept. */
async function moveIntoPlace(tree: string, path: string, overwrite: boolean, context: RunContext): Promise<string | undefined> {
  const { state } = await findTarget(path, context);
  if (state === "occupied" && !overwrite) {
    throw new HoldfastError("RestoreRefused", `${path} was filled by somebody else while the backup was restored`, {
      hint: "Restore to a new directory, or rename what is there out of the way with --overwrite.",
    });
  }
  if (state === "occupied") return swapDirectories(tree, path, context.clock.now());
  // Onto an absent or empty directory a rename is one step.
  await rename(tree, path).catch((error: unknown) => {
    throw fileFailure(error, `cannot rename the restored tree to ${path}`, "RestoreFailed");
  });
  return undefined;
}
