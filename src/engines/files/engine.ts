/** The files engine: full backups of a directory tree (docs/files.md). */
import type { FilesSource } from "../../policy/engines/files/source.ts";
import type { Engine } from "../engine.ts";
import { type FilesFacts, filesFacts } from "./backup-facts.ts";
import { checkSource } from "./check.ts";
import { compareCounts, digestBackup } from "./digest.ts";
import { openDump } from "./dump.ts";
import { instructions } from "./instructions.ts";
import { listEntries } from "./list-objects.ts";
import { openTarget, planRestore, swapBack } from "./restore.ts";
import { findTarget } from "./restore-target.ts";
import { estimateThrowawayBytes, openThrowaway } from "./throwaway.ts";
import { compileVolatileParts } from "./volatile-parts.ts";

export const engine: Engine<FilesSource, FilesFacts> = {
  name: "files",
  facts: filesFacts,
  instructions,
  check: (source, context) => checkSource(source, context),
  openDump,
  inspect: async (backup, context) => ({ problems: [], digest: await digestBackup(backup, context) }),
  listObjects: listEntries,
  compareSourceCheck: (digest, check) => compareCounts({ files: digest.rows, entries: digest.objectCount }, check),
  compileVolatile: compileVolatileParts,
  estimateThrowawayBytes: ([backup]) => estimateThrowawayBytes(backup),
  openThrowaway: ([backup], context, _source, only) => openThrowaway(backup, context, only),
  planRestore: ([backup], _source, request, context) => planRestore(backup, request, context),
  openTarget: ([backup], _source, request, context) => openTarget(backup, request, context),
  // Nothing is left out of what an overwrite replaces.
  openTargetDump: async (source, request, dump, context) => {
    const { path } = await findTarget(request.target, context);
    return openDump({ ...source, path, include: [], exclude: [] }, dump, context);
  },
  swapBack: (_source, request, context, dryRun) => swapBack(request, context, dryRun),
};
