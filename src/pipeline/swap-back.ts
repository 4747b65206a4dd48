/** The step that takes an overwrite back: what it has kept gets its name again. */
import type { SwappedBack } from "../engines/engine.ts";
import { HoldfastError } from "../errors/holdfast-error.ts";
import { type PipelineContext, requireSource } from "./pipeline-context.ts";
import { refuseFlags } from "./restore/refuse-request.ts";

/**
 * Errors: SourceNotFound, SourceUnsupported, UsageInvalid (a switch that the engine does not know),
 * those of Engine.swapBack.
 */
export async function swapBackTarget(
  context: PipelineContext,
  sourceName: string,
  { to, flags, dryRun }: { readonly to: string; readonly flags: ReadonlySet<string>; readonly dryRun: boolean },
): Promise<SwappedBack> {
  const source = requireSource(context.policy, sourceName);
  refuseFlags(context, source.engine, { flags });
  const engine = await context.engineOf(source.engine);
  const swapBack = engine.swapBack;
  if (swapBack === undefined) {
    throw new HoldfastError("SourceUnsupported", `the ${source.engine} engine keeps nothing that could be swapped back`);
  }
  return swapBack(source, { target: to, overwrite: false, flags }, context.run, dryRun);
}
