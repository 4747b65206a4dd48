import type { Evidence } from "../../vault/documents/evidence.ts";
import type { PipelineContext } from "../pipeline-context.ts";

/**
 * The time a person would have waited for the data: opening the place and loading, not the
 * comparing after it. Nothing where the policy no longer has the source, or nothing was loaded.
 */
export function measureObjective(
  { policy }: PipelineContext,
  source: string,
  { open, load }: Readonly<Record<string, number>>,
): Pick<Evidence, "objective"> {
  const objectives = policy.sources[source]?.objectives;
  if (objectives === undefined || open === undefined || load === undefined) return {};
  const measuredSeconds = Math.round(open + load) / 1000;
  const { rtoSeconds } = objectives;
  return { objective: { rtoSeconds, measuredSeconds, met: measuredSeconds <= rtoSeconds } };
}
