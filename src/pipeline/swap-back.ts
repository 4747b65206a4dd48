/** The step that takes an overwrite back: what it has kept gets its name again. */
import type { SwappedBack } from "../engines/restore-request.ts";
import { HoldfastError } from "../errors/holdfast-error.ts";
import { needsApproval } from "../policy/approvals.ts";
import type { ApprovalSubject } from "../vault/documents/approval.ts";
import { type GivenApproval, requireApproval } from "./approvals/require-approval.ts";
import { type Asking, type Sought, seekApproval } from "./approvals/seek-approval.ts";
import { writeOptions } from "./approvals/write-options.ts";
import { showTarget } from "./audit/record-restore.ts";
import { type PipelineContext, requireSource } from "./pipeline-context.ts";
import { refuseFlags } from "./restore/refuse-request.ts";

interface SwapBackOptions {
  readonly to: string;
  readonly flags: ReadonlySet<string>;
}

/**
 * Errors: SourceNotFound, SourceUnsupported, UsageInvalid (a switch that the engine does not know),
 * ApprovalNeeded, ApprovalRefused, those of Engine.swapBack.
 */
export async function swapBackTarget(
  context: PipelineContext,
  sourceName: string,
  options: SwapBackOptions & { readonly dryRun: boolean; readonly approval?: GivenApproval },
): Promise<SwappedBack> {
  const swapBack = await prepare(context, sourceName, options);
  if (options.dryRun) return swapBack(true);
  if (needsApproval(context.policy, "swap-back")) {
    await requireApproval(context, describeSwapBack(sourceName, options, await swapBack(true)), options.approval);
  }
  return swapBack(false);
}

/** The approval of that, or the request for it; undefined where the policy wants none. */
export async function seekSwapBack(
  context: PipelineContext,
  sourceName: string,
  options: SwapBackOptions,
  asking: Pick<Asking, "reason" | "requestId">,
): Promise<Sought | undefined> {
  if (!needsApproval(context.policy, "swap-back")) return undefined;
  const planned = await (await prepare(context, sourceName, options))(true);
  const vault = await context.vaultOf(requireSource(context.policy, sourceName).vault);
  const loses = [
    `what stands at ${planned.target} is replaced by ${planned.from}: what was written to it since is there no longer`,
    ...(planned.kept === undefined ? [] : ["it is kept under another name"]),
  ];
  return seekApproval(context, vault, { ...asking, subject: describeSwapBack(sourceName, options, planned), loses });
}

function describeSwapBack(source: string, { to, flags }: SwapBackOptions, { from }: SwappedBack): ApprovalSubject {
  return { action: "swap-back", source, target: showTarget(to), standing: `kept as ${from}`, options: writeOptions({ flags }) };
}

async function prepare(
  context: PipelineContext,
  sourceName: string,
  { to, flags }: SwapBackOptions,
): Promise<(dryRun: boolean) => Promise<SwappedBack>> {
  const source = requireSource(context.policy, sourceName);
  refuseFlags(context, source.engine, { flags });
  const engine = await context.engineOf(source.engine);
  const swapBack = engine.swapBack;
  if (swapBack === undefined) {
    throw new HoldfastError("SourceUnsupported", `the ${source.engine} engine keeps nothing that could be swapped back`);
  }
  return (dryRun) => swapBack(source, { target: to, overwrite: false, flags }, context.run, dryRun);
}
