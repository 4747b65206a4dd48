/** Whether the recovery window keeps what it promises: any instant of its time. */
import { formatDuration } from "./format.ts";
import type { Judgement, SourceView, StatusGap } from "./status-model.ts";

/** A breach for each time that no log has. */
export function judgeCoverage({ gaps }: SourceView): Judgement<never> {
  const findings = gaps.map((gap) => ({
    level: "breach" as const,
    subject: "recovery-window" as const,
    message: describeGap(gap),
  }));
  return { facts: {}, findings, notes: [] };
}

export function describeGap({ from, to }: Omit<StatusGap, "source">): string {
  const length = formatDuration(Date.parse(to) - Date.parse(from));
  return `what happened between ${from} and ${to} (${length}) is in no log: the recovery window has a gap`;
}
