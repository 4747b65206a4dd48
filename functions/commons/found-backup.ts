/** The backup that an input names. */
import { type FoundBackup, findInVaults } from "../../src/pipeline/catalogue/find-backups.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";

/** Errors: those of findInVaults. */
export function findNamed(
  context: PipelineContext,
  input: { readonly source: string; readonly backupId: string },
): Promise<FoundBackup> {
  return findInVaults(context, `${input.source}/${input.backupId}`);
}
