/** `holdfast status`: objectives against measurements. */
import { exitCodes } from "../../errors/exit-codes.ts";
import { measureSources } from "../../pipeline/measure-sources.ts";
import { requireSource } from "../../pipeline/pipeline-context.ts";
import { renderStatus } from "../../report/render-status.ts";
import type { Outcome, Session } from "../session.ts";

export async function status({ context, terminal }: Session, sourceName: string | undefined): Promise<Outcome> {
  const { policy, run } = context;
  const sources = sourceName === undefined ? Object.values(policy.sources) : [requireSource(policy, sourceName)];
  const measured = await measureSources(context, sources);
  return {
    document: measured.status,
    lines: renderStatus(measured.status, { width: terminal.columns, now: run.clock.now() }),
    exitCode: measured.status.verdict === "breach" ? exitCodes.failed : exitCodes.done,
    measured: measured.status.sources,
    problems: measured.unmeasured.map(({ source, error }) => ({ operation: "status", source: source.name, error })),
  };
}
