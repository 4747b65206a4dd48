/** Reads a backup's index, and chooses from it what a restore was asked for; no content is read. */
import { join } from "node:path";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { editDistance } from "../../policy/nearest-name.ts";
import type { LoadFinding } from "../../proof/content.ts";
import { makePrivateDirectory } from "../../runtime/private-directory.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import type { BackupReader } from "../backup-reader.ts";
import type { Finding } from "../finding.ts";
import { displayPath } from "./entry-path.ts";
import { readIndex, spoolIndex } from "./index-spool.ts";
import { plainPath } from "./path-matcher.ts";
import { indexName } from "./read-archive.ts";
import { type FilesSelection, selectEntries } from "./select-entries.ts";

/**
 * Chooses from the index in `spool`. Errors: SelectionNotFound where a name means nothing, with
 * names that are near; those of selectEntries.
 */
export async function chooseEntries(spool: string, only: readonly string[], signal: AbortSignal): Promise<FilesSelection> {
  const selection = await selectEntries(spool, only, `${spool}.chosen`, signal);
  if (selection.unmatched.length === 0) return selection;
  const near = await findNear(spool, selection.unmatched);
  const what = selection.unmatched.map((text) => JSON.stringify(text)).join(", ");
  throw new HoldfastError("SelectionNotFound", `the backup holds nothing that --only ${what} names`, {
    details: near.map((name) => `near: ${name}`),
    hint:
      near.length > 0
        ? `Write one of the names that are near: --only '${near[0]}'.`
        : "Write a path below the source's; `holdfast find <source> --path <path>` looks for one.",
  });
}

/** What is chosen of a backup, for a plan: nothing of it is kept. Errors: as chooseEntries. */
export async function surveySelection(
  backup: BackupReader,
  only: readonly string[],
  context: RunContext,
): Promise<Omit<FilesSelection, "spool">> {
  const directory = await makePrivateDirectory(context.temporaryDirectory, "holdfast-files-");
  try {
    const spool = join(directory.path, "index.jsonl.zst");
    await spoolIndex(await backup.open(indexName), spool);
    return await chooseEntries(spool, only, context.signal);
  } finally {
    await directory.remove();
  }
}

/** What is chosen, and what comes along, in words. */
export function selectionChecks(
  only: readonly string[],
  { digest, whole, along }: Omit<FilesSelection, "spool">,
): readonly Finding[] {
  const { objectCount, rows, bytes } = digest;
  const amount = `${objectCount} of ${whole.objectCount} entries, ${rows} files with ${bytes} bytes`;
  const chosen: Finding = {
    level: "ok",
    subject: "selection",
    message: `a part of the backup is restored: ${only.join(", ")} (${amount})`,
  };
  if (along.count === 0) return [chosen];
  const message = `comes along, although it was not named: ${along.names.join(", ")}${along.count > along.names.length ? " …" : ""} (first names of hard links that were)`;
  return [chosen, { level: "note", subject: "selection", message }];
}

/** The same in the result of a restore. */
export function selectionFindings(selection: FilesSelection | undefined): LoadFinding[] {
  return (selection?.along.names ?? []).map((name) => ({
    class: "benign",
    subject: name,
    message: "came along: what was chosen is another name of this file",
  }));
}

const maxNear = 5;

/** Paths that end in the same name, then those whose name is nearly the same. */
async function findNear(spool: string, unmatched: readonly string[]): Promise<string[]> {
  const wanted = unmatched
    .map((text) => nameOf(plainPath(text)).toLowerCase())
    .filter((name) => name.length > 0 && name.length <= 255);
  const [same, nearly] = [new Set<string>(), new Set<string>()];
  for await (const { path, type } of readIndex(spool)) {
    if (type === "skipped" || path === "" || same.size >= maxNear) continue;
    const shown = displayPath(path);
    const name = nameOf(shown).toLowerCase();
    if (wanted.includes(name)) same.add(shown);
    else if (nearly.size < maxNear && wanted.some((other) => isNear(name, other))) nearly.add(shown);
  }
  return [...same, ...nearly].slice(0, maxNear);
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** A slip of the pen, as nearestName counts them. */
function isNear(name: string, other: string): boolean {
  const slips = Math.max(1, Math.floor(other.length / 3));
  return Math.abs(name.length - other.length) <= slips && editDistance(name, other) <= slips;
}
