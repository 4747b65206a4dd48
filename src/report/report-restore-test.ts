/**
 * The report's account of one restore test: what was compared, what was found, how long it took.
 */
import type { AssertionResult, Comparison } from "../proof/content.ts";
import { formatBytes, formatDuration } from "./format.ts";
import { type Html, html } from "./html.ts";
import { describePhases } from "./phases.ts";
import type { ReportTest } from "./report-model.ts";
import { describeState, instant, plural } from "./report-parts.ts";

/** Differences listed one by one; all are counted. */
const maxDifferences = 50;

export function renderTest(test: ReportTest): Html {
  const { backupId, check, at, by, comparison, sourceCheck, assertions = [], timings = {}, objective, findings } = test;
  return html`<article class="panel">
<h4>${describeState(check)} <code>${backupId}</code></h4>
<dl>
<dt>Tested</dt><dd>${instant(new Date(at))} by ${by}</dd>
${comparison === undefined ? null : html`<dt>Restored against the backup</dt><dd>${describeComparison(comparison)}</dd>`}
${sourceCheck === undefined ? null : html`<dt>Restored against the source's own figures</dt><dd>${describeComparison(sourceCheck)}</dd>`}
${assertions.length === 0 ? null : html`<dt>Assertions</dt><dd>${assertions.filter(({ passed }) => passed).length} of ${assertions.length} passed</dd>`}
${objective === undefined || check === "disproven" ? null : html`<dt>Restore time</dt><dd>${formatDuration(objective.measuredSeconds * 1000)}; objective ${formatDuration(objective.rtoSeconds * 1000)}: ${objective.met ? "met" : "missed"}</dd>`}
${Object.keys(timings).length === 0 ? null : html`<dt>Phases</dt><dd>${describePhases(timings)}</dd>`}
</dl>
${findings.length === 0 ? null : html`<ul>${findings.map((finding) => html`<li>${finding}</li>`)}</ul>`}
${comparison === undefined ? null : renderDifferences("Differences from the backup", comparison)}
${sourceCheck === undefined ? null : renderDifferences("Differences from the source's own figures", sourceCheck)}
${renderAssertions(assertions)}
</article>
`;
}

function describeComparison({ objectsCompared, rowsCompared, bytesCompared, differenceCount, leftOut }: Comparison): string {
  const what = [plural(objectsCompared, "object"), `${rowsCompared.toLocaleString("en")} rows`];
  if (bytesCompared > 0) what.push(formatBytes(bytesCompared));
  if (leftOut !== undefined) what.push(`without ${plural(leftOut.count, "object")} that the policy excepts`);
  return `${what.join(", ")}: ${differenceCount === 0 ? "no difference" : plural(differenceCount, "difference")}`;
}

function renderDifferences(title: string, { differences, differenceCount }: Comparison): Html | null {
  if (differenceCount === 0) return null;
  const shown = differences.slice(0, maxDifferences);
  const rest = differenceCount > shown.length ? html`<p class="soft">${differenceCount - shown.length} more.</p>` : null;
  return html`<div class="scroll"><table><caption>${title}</caption><thead><tr><th scope="col">Object</th><th scope="col">Problem</th></tr></thead>
<tbody>${shown.map(({ object, problem }) => html`<tr><th scope="row"><code>${object}</code></th><td>${problem}</td></tr>\n`)}</tbody></table></div>${rest}`;
}

function renderAssertions(assertions: readonly AssertionResult[]): Html | null {
  if (assertions.length === 0) return null;
  const row = ({ name, passed, expected, actual }: AssertionResult) =>
    html`<tr><th scope="row">${name}</th><td>${expected}</td><td>${actual}</td><td>${passed ? "passed" : "failed"}</td></tr>\n`;
  return html`<div class="scroll"><table><caption>Assertions</caption><thead><tr><th scope="col">Assertion</th><th scope="col">Expected</th><th scope="col">Found</th><th scope="col">Result</th></tr></thead>
<tbody>${assertions.map(row)}</tbody></table></div>`;
}
