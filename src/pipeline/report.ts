/**
 * The step that gathers what the HTML report shows: objectives against measurements, catalogue,
 * restore tests, retention's plan, holds.
 */
import { isHoldfastError } from "../errors/holdfast-error.ts";
import type { SourceConfig } from "../policy/policy.ts";
import type { ReportHold, ReportModel, ReportPlan, ReportSource } from "../report/report-model.ts";
import { type Hold, listHolds, type UnreadableHold } from "../vault/documents/holds.ts";
import { type MeasuredSource, measureSources } from "./measure-sources.ts";
import type { PipelineContext } from "./pipeline-context.ts";
import { planPrune } from "./prune.ts";

/** Gathers the report of every source of the policy. Errors: those of the vaults. */
export async function gatherReport(context: PipelineContext): Promise<ReportModel> {
  const { policy, run, holdfastVersion } = context;
  const measured = await measureSources(context, Object.values(policy.sources));
  const sources: ReportSource[] = [];
  for (const each of measured.sources) sources.push(await describeSource(context, each));
  return {
    generatedAt: run.clock.now(),
    holdfastVersion,
    policy: { timezone: policy.timezone, sha256: policy.sha256 },
    status: measured.status,
    sources,
  };
}

async function describeSource(context: PipelineContext, { source, backups, tests }: MeasuredSource): Promise<ReportSource> {
  const { url } = await context.storeOf(source.vault);
  const described = { name: source.name, vault: url, schedules: schedulesOf(source), backups, tests };
  // Without a backup there may be no vault yet, and nothing to plan.
  if (backups.length === 0) return { ...described, holds: [] };
  const holds: ReportHold[] = [];
  for await (const hold of listHolds(await context.vaultOf(source.vault), source.name)) holds.push(describeHold(hold));
  return { ...described, plan: await planOrRefusal(context, source.name), holds };
}

/** What keeps a source from being planned keeps it from being pruned, and no report from being. */
async function planOrRefusal(context: PipelineContext, source: string): Promise<ReportPlan> {
  try {
    return await planPrune(context, source);
  } catch (error) {
    if (!isHoldfastError(error) || error.name === "Interrupted") throw error;
    return { decisions: [], refusals: [{ message: error.message, details: [error.hint] }] };
  }
}

/** A hold that cannot be read keeps its backup, and has nobody to ask about it. */
function describeHold(hold: Hold | UnreadableHold): ReportHold {
  const { backupId } = hold;
  return "problem" in hold ? { backupId, by: "unknown", reason: `cannot be read: ${hold.problem}` } : hold;
}

function schedulesOf(source: SourceConfig): ReportSource["schedules"] {
  const backups = Object.entries(source.schedules).map(([kind, cron]) => ({ what: `${kind} backup`, cron }));
  const verify = source.verify.schedule === undefined ? [] : [{ what: "verification", cron: source.verify.schedule }];
  const tests = source.restoreTest.schedule === undefined ? [] : [{ what: "restore test", cron: source.restoreTest.schedule }];
  return [...backups, ...verify, ...tests];
}
