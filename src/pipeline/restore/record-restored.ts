/**
 * Writes down that a backup was restored by hand, and how long a person waited for the data: the
 * status and the report hold it against the RTO.
 */
import type { Evidence } from "../../vault/documents/evidence.ts";
import type { FoundBackup } from "../catalogue/find-backups.ts";
import { beginEvidence, recordEvidence } from "../catalogue/record-evidence.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import { measureObjective } from "../runs/measure-objective.ts";
import type { RestoreResult } from "./restore-result.ts";

/**
 * What is not intact was salvaged, and a part of a backup is not the backup: neither says anything
 * of the RTO. Never keeps the restore from being
 * done: what could not be recorded is the result's to say. Errors: Interrupted, Internal.
 */
export async function recordRestored(
  context: PipelineContext,
  found: FoundBackup,
  manifestSha256: string,
  result: RestoreResult,
): Promise<Pick<RestoreResult, "objective" | "unrecorded">> {
  if (!result.intact || result.selection !== undefined) return {};
  const { erasures } = result;
  const { objective } = measureObjective(context, result.source, result.timings);
  const evidence: Evidence = {
    ...beginEvidence(context, found.entry),
    check: "restored",
    findings: [],
    manifestSha256,
    comparison: result.comparison,
    loadFindings: result.loadFindings,
    assertions: result.assertions,
    timings: result.timings,
    place: result.place,
    ...(erasures === undefined || erasures.entries === 0 ? {} : { erasures: { ...erasures, problems: erasures.problems.length } }),
    ...(objective === undefined ? {} : { objective }),
  };
  const unrecorded = await recordEvidence(context, found.vault, evidence);
  return { ...(objective === undefined ? {} : { objective }), ...(unrecorded === undefined ? {} : { unrecorded }) };
}
