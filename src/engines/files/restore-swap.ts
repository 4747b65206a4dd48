/**
 * Puts a restored tree under its target's name, and takes that back. Node has no exchange of two
 * names, so that a replaced directory's name is free between two renames: a run that is killed
 * there is known by the names that it leaves, and is undone by the next restore or --swap-back.
 */
import { lstat, readdir, rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { errorCode } from "../../runtime/error-code.ts";
import type { Log, RunContext } from "../../runtime/run-context.ts";
import type { SwappedBack } from "../restore-request.ts";
import { fileFailure } from "./failures.ts";

/** `20261120T020000Z`, as ids of backups write times. */
export function compactTime(now: Date): string {
  return now.toISOString().replace(/[-:]|\.\d+/g, "");
}

export async function statOrUndefined(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** What stands beside a target while a swap runs, and what it is kept as. */
export interface SwapNames {
  /** What stood there: `<dir>.before-20261120T020000Z`. */
  readonly before: string;
  /** The whole and compared copy, until it has the target's name. */
  readonly restored: string;
}

function namesAt(path: string, stamp: string): SwapNames {
  return { before: `${path}.before-${stamp}`, restored: `${path}.restored-${stamp}` };
}

/** Two swaps within one second must not meet. */
export async function freeNames(path: string, now: Date): Promise<SwapNames> {
  const time = compactTime(now);
  for (let number = 1; ; number++) {
    const names = namesAt(path, number === 1 ? time : `${time}-${number}`);
    const taken = [await statOrUndefined(names.before), await statOrUndefined(names.restored)];
    if (taken.every((stats) => stats === undefined)) return names;
  }
}

export async function freeName(name: string): Promise<string> {
  let free = name;
  for (let number = 2; (await statOrUndefined(free)) !== undefined; number++) free = `${name}-${number}`;
  return free;
}

/**
 * Gives a tree the name of what stands there, which is kept. The tree gets a name of its own first,
 * by which it is known as whole. Gives the name under which the old one is kept.
 * Errors: RestoreFailed; the target is then what it was, or the error says where it is.
 */
export async function swapDirectories(tree: string, path: string, now: Date): Promise<string> {
  const { before, restored } = await freeNames(path, now);
  await renaming(tree, restored, `cannot rename the restored tree to ${restored}`);
  await renaming(path, before, `cannot rename ${path}; the restored tree is kept as ${restored}, and ${path} is as it was`);
  try {
    await rename(restored, path);
  } catch (error) {
    await putBack(before, path);
    throw fileFailure(
      error,
      `cannot rename the restored tree to ${path}; it is kept as ${restored}, and ${path} is as it was`,
      "RestoreFailed",
    );
  }
  return before;
}

async function renaming(from: string, to: string, failure: string): Promise<void> {
  await rename(from, to).catch((error: unknown) => {
    throw fileFailure(error, failure, "RestoreFailed");
  });
}

async function putBack(kept: string, path: string): Promise<void> {
  try {
    if ((await statOrUndefined(path)) === undefined) await rename(kept, path);
  } catch (error) {
    throw fileFailure(error, `what stood at ${path} is now ${kept}, and could not be renamed back`, "RestoreFailed");
  }
}

/** Names beside the target that begin with its own and this word, the oldest first. */
async function listBeside(path: string, word: string): Promise<readonly string[]> {
  const prefix = `${basename(path)}.${word}-`;
  const names = await readdir(dirname(path));
  return names.filter((name) => name.startsWith(prefix) && /^\d{8}T\d{6}Z(?:-\d+)?$/.test(name.slice(prefix.length))).sort();
}

/** A swap that was cut off between its two renames; undefined where there is none. */
export async function findInterrupted(path: string): Promise<SwapNames | undefined> {
  if ((await statOrUndefined(path)) !== undefined) return undefined;
  const copies = new Set(await listBeside(path, "restored"));
  const stamps = (await listBeside(path, "before")).map((name) => name.slice(`${basename(path)}.before-`.length));
  const stamp = stamps.findLast((each) => copies.has(`${basename(path)}.restored-${each}`));
  return stamp === undefined ? undefined : namesAt(path, stamp);
}

/** Copies that were whole and never got the target's name. */
export async function listUnusedCopies(path: string): Promise<readonly string[]> {
  return (await listBeside(path, "restored")).map((name) => join(dirname(path), name));
}

/** Undoes such a swap: what stood there gets its name back, the copy stays beside it. */
export async function undoInterrupted(path: string, log: Log): Promise<void> {
  const names = await findInterrupted(path);
  if (names === undefined) return;
  await putBack(names.before, path);
  log.warn(
    `an overwrite of ${path} was cut off between its two renames: what stood there has its name back, and the restored copy is ${names.restored}`,
  );
}

/**
 * Puts back what the newest overwrite of the directory has kept (Engine.swapBack). Errors:
 * RestoreRefused when nothing is kept; RestoreFailed.
 */
export async function swapBackDirectory(path: string, context: RunContext, dryRun: boolean): Promise<SwappedBack> {
  const newest = (await listBeside(path, "before")).at(-1);
  if (newest === undefined) {
    throw new HoldfastError("RestoreRefused", `nothing is kept of ${path}: nothing beside it is named like ${path}.before-<time>`, {
      hint: "Correct the path after --to, or restore the backup that you want there.",
    });
  }
  const from = join(dirname(path), newest);
  const present = (await statOrUndefined(path)) !== undefined;
  const kept = present ? await freeName(`${path}.undone-${compactTime(context.clock.now())}`) : undefined;
  const result = { target: path, from, ...(kept === undefined ? {} : { kept }) };
  if (dryRun) return result;
  if (kept !== undefined) await renaming(path, kept, `cannot rename ${path}, which is as it was`);
  try {
    await rename(from, path);
  } catch (error) {
    if (kept !== undefined) await putBack(kept, path);
    throw fileFailure(error, `cannot rename ${from} to ${path}, which is as it was`, "RestoreFailed");
  }
  return result;
}
