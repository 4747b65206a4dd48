/**
 * The report: one HTML file that needs nothing else, for a browser, a printer or an auditor's
 * archive.
 */
import { formatDuration } from "./format.ts";
import { type Html, html } from "./html.ts";
import { summarise } from "./render-status.ts";
import type { ReportModel } from "./report-model.ts";
import { describeState, instant, verdictBadge } from "./report-parts.ts";
import { renderSourceSection } from "./report-source.ts";
import { reportStyle } from "./report-style.ts";
import type { SourceStatus } from "./status-model.ts";

/**
 * The whole report as one self-contained HTML document without scripts, images or links to
 * elsewhere. Everything that comes from outside is escaped, and a content security policy forbids
 * the document to run or load anything.
 */
export function renderReport(model: ReportModel): string {
  const { status, generatedAt, holdfastVersion, policy } = model;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Backup report, ${generatedAt.toISOString().slice(0, 10)}</title>
<style>${{ markup: reportStyle }}</style>
</head>
<body>
<header>
<h1>Backup report</h1>
<p class="soft">Made ${instant(generatedAt)} by Holdfast ${holdfastVersion}. Schedules and calendar days are those of ${policy.timezone}; instants are in UTC.</p>
</header>
<main>
${renderSummary(model)}
${status.sources.map((source) => renderSourceSection(source, model))}
${renderLegend()}
</main>
<footer><p class="soft">Policy SHA-256 <code>${policy.sha256}</code></p></footer>
</body>
</html>
`;
  return page.markup;
}

function renderSummary({ status }: ReportModel): Html {
  return html`<section aria-labelledby="summary">
<h2 id="summary" class="first">Summary</h2>
<p>${verdictBadge(status.verdict)} ${summarise(status)}</p>
<div class="scroll"><table>
<caption>Objectives against measurements</caption>
<thead><tr><th scope="col">Source</th><th scope="col">Verdict</th><th scope="col" class="number">RPO</th><th scope="col" class="number">Newest verified</th><th scope="col" class="number">RTO</th><th scope="col" class="number">Last restore</th><th scope="col">Last restore test</th></tr></thead>
<tbody>${status.sources.map((source) => renderSummaryRow(source))}</tbody>
</table></div>
${(status.unmeasured ?? []).map(({ source, error }) => html`<p>${verdictBadge("breach")} ${source} is not measured, and not in this report: ${error.message}. ${error.hint}</p>`)}
</section>`;
}

function renderSummaryRow({ source, verdict, rpo, rto, restoreTest }: SourceStatus): Html {
  const seconds = (value: number | null, missing: string) => (value === null ? missing : formatDuration(value * 1000));
  return html`<tr><th scope="row"><a href="#source-${source}">${source}</a></th><td>${verdictBadge(verdict)}</td>
<td class="number">${seconds(rpo.objectiveSeconds, "none")}</td><td class="number">${seconds(rpo.measuredSeconds, "none")}${rpo.met ? "" : " (missed)"}</td>
<td class="number">${seconds(rto.objectiveSeconds, "none")}</td><td class="number">${seconds(rto.measuredSeconds, "not measured")}${rto.met === false ? " (missed)" : ""}</td>
<td>${restoreTest.at === null ? "never" : html`${describeState(restoreTest.outcome ?? "")} ${instant(new Date(restoreTest.at))}`}</td></tr>
`;
}

function renderLegend(): Html {
  return html`<section aria-labelledby="legend">
<h2 id="legend">How to read this report</h2>
<dl>
<dt>${describeState("stored")}</dt><dd>The backup is complete in the vault. It has not been read back yet and does not count towards the RPO.</dd>
<dt>${describeState("verified")}</dt><dd>Every byte was read back from the vault, opened and parsed; checksums and the source's own counts agree.</dd>
<dt>${describeState("proven")}</dt><dd>It was restored into a throwaway target, and the restored content equals the backup's, object by object.</dd>
<dt>${describeState("suspicious")}</dt><dd>It verifies, but looks as if data were lost or encrypted: a table is gone, empty, far smaller than before, or no longer compresses. A person must look; while it is the newest, nothing is deleted.</dd>
<dt>${describeState("damaged")}</dt><dd>A check found that it cannot be relied on.</dd>
<dt>RPO</dt><dd>Recovery point objective: the most data, measured in time, that may be lost. Measured as the age of the newest verified backup.</dd>
<dt>RTO</dt><dd>Recovery time objective: the longest that bringing the data back may take. Measured by the last restore test.</dd>
</dl>
<p>${verdictBadge("breach")} means that an objective is missed or the newest backup cannot be relied on; ${verdictBadge("warning")} that something needs a look before it becomes one.</p>
</section>`;
}
