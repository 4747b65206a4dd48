/** Whether the recovery window keeps what it promises: any instant of its time. */
import { formatDuration } from "./format.ts";
import type { Judgement, SourceView } from "./status-model.ts";

/** A breach for each time that no log has. */
export function judgeCoverage({ gaps }: SourceView): Judgement<never> {
  const findings = gaps.map(({ from, to }) => ({
    level: "breach" as const,
    subject: "recovery-window" as const,
    message: `what happened between ${from} and ${to} (${formatDuration(Date.parse(to) - Date.parse(from))}) is in no log: the recovery window has a gap`,
  }));
  return { facts: {}, findings, notes: [] };
}
