/** `holdfast check`: a table of what is wrong and how to fix it. */
import { exitCodes } from "../../errors/exit-codes.ts";
import { type CheckedFinding, checkPolicy } from "../../pipeline/check.ts";
import { requireSource } from "../../pipeline/pipeline-context.ts";
import { countOf } from "../count.ts";
import { findingLines } from "../finding-lines.ts";
import type { Outcome, Session } from "../session.ts";
import { checkStack } from "../stack/check-stack.ts";
import { policySecretOf } from "../stack/read-stack-policy.ts";
import type { Terminal } from "../terminal.ts";

export async function check(
  { context, terminal, stack }: Session,
  sourceName: string | undefined,
  { repair = false }: { readonly repair?: boolean | undefined } = {},
): Promise<Outcome> {
  const { policy } = context;
  const sources = sourceName === undefined ? Object.values(policy.sources) : [requireSource(policy, sourceName)];
  const findings = await checkPolicy(context, sources, { deployed: stack !== undefined, repair });
  if (stack !== undefined) findings.unshift({ about: `stack ${stack}`, ...(await checkStack(policySecretOf(stack))) });
  const errors = findings.filter(({ level }) => level === "error").length;
  const warnings = findings.filter(({ level }) => level === "warning").length;
  const summary = `${countOf(findings.length, "check")}: ${countOf(errors, "error")}, ${countOf(warnings, "warning")}`;
  return {
    document: { findings, errors, warnings },
    lines: [...linesOf(terminal, findings), "", summary],
    exitCode: errors > 0 ? exitCodes.failed : exitCodes.done,
  };
}

function linesOf(terminal: Terminal, findings: readonly CheckedFinding[]): string[] {
  const lines: string[] = [];
  let current = "";
  for (const { about, ...finding } of findings) {
    if (about !== current) lines.push(terminal.style("bold", about));
    current = about;
    lines.push(...findingLines(terminal, finding));
  }
  return lines;
}
