/** The files engine: full backups of a directory tree (docs/files.md). */
import { engineKinds } from "../../policy/defaults.ts";
import type { FilesSource } from "../../policy/policy.ts";
import type { Engine } from "../engine.ts";
import { checkSource } from "./check.ts";
import { compareCounts, digestBackup } from "./digest.ts";
import { openDump } from "./dump.ts";
import { openTarget, planRestore } from "./restore.ts";
import { estimateThrowawayBytes, openThrowaway } from "./throwaway.ts";

export const filesEngine: Engine<FilesSource> = {
  name: "files",
  kinds: engineKinds.files,
  check: (source, context) => checkSource(source, context),
  openDump: (source, _request, context) => openDump(source, context),
  digest: digestBackup,
  compareSourceCheck: (digest, check) => compareCounts({ files: digest.rows, entries: digest.objectCount }, check),
  estimateThrowawayBytes,
  openThrowaway,
  planRestore: (backup, _source, request, context) => planRestore(backup, request, context),
  openTarget: (backup, _source, request, context) => openTarget(backup, request, context),
};
