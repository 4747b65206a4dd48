/** The report's section on one source. */
import { renderCharts } from "./chart.ts";
import { formatAge, formatBytes, formatDuration } from "./format.ts";
import { type Html, html } from "./html.ts";
import { describeBackups, describeRecoveryPoint, describeRestoreTest, describeRestoreTime } from "./render-status.ts";
import type { ReportHold, ReportModel, ReportPlan, ReportSource, ReportTest } from "./report-model.ts";
import { describeState, instant, plural, verdictBadge } from "./report-parts.ts";
import { renderTest } from "./report-restore-test.ts";
import type { SourceStatus, StatusBackup } from "./status-model.ts";

/**
 * A catalogue longer than this is cut: the report is for reading, `holdfast list --json` for
 * everything.
 */
const maxBackups = 500;
/**
 * Of a backup whose manifest was not read: older than those that the figures are taken from, or
 * damaged.
 */
const unknown = "not read";
/** Restore tests shown whole; what came before them is in the vault. */
const maxTests = 5;

/** A retention plan of up to so many backups stands open, so that it is printed. */
const maxOpen = 60;

export function renderSourceSection(status: SourceStatus, model: ReportModel): Html {
  const source = model.sources.find(({ name }) => name === status.source);
  const id = `source-${status.source}`;
  return html`<section aria-labelledby="${id}">
<h2 id="${id}">${status.source} ${verdictBadge(status.verdict)}</h2>
${source === undefined ? null : html`<p class="soft">${status.engine}, ${status.tier}; kept in <code>${source.vault}</code></p>`}
${renderMeasurements(status, source, model.generatedAt)}
${source === undefined ? null : [renderCourse(source), renderTests(source.tests), renderCatalogue(source, model.generatedAt), renderPlan(source.plan), renderHolds(source.holds)]}
</section>
`;
}

function renderMeasurements(status: SourceStatus, source: ReportSource | undefined, now: Date): Html {
  return html`<dl>
<dt>Recovery point</dt><dd>${describeRecoveryPoint(status, now)}</dd>
<dt>Restore time</dt><dd>${describeRestoreTime(status, now)}</dd>
<dt>Restore test</dt><dd>${describeRestoreTest(status, now)}</dd>
<dt>Backups</dt><dd>${describeBackups(status, now)}</dd>
${source?.schedules.map(({ what, cron }) => html`<dt>Schedule, ${what}</dt><dd><code>${cron}</code></dd>`)}
</dl>
<ul class="findings">
${status.findings.map(({ level, message }) => html`<li>${verdictBadge(level)} ${message}</li>`)}
${status.notes.map((note) => html`<li>${verdictBadge("ok")} ${note}</li>`)}
</ul>`;
}

/**
 * Sizes and durations of the backups, and how long the restore tests took to bring the data back.
 */
function renderCourse({ backups, tests }: ReportSource): Html | null {
  const figures = (key: "storedBytes" | "durationSeconds") =>
    backups.flatMap(({ startedAt: at, figures: own }) => (own?.[key] === undefined ? [] : [{ at, value: own[key] }]));
  const restores = tests.flatMap(({ at, check, objective }) =>
    objective === undefined || check === "disproven" ? [] : [{ at: new Date(at), value: objective.measuredSeconds }],
  );
  const seconds = (value: number): string => formatDuration(value * 1000);
  return renderCharts([
    { title: "Stored size", points: figures("storedBytes"), format: formatBytes },
    { title: "Duration of a backup", points: figures("durationSeconds"), format: seconds },
    { title: "Restore time", points: restores, format: seconds },
  ]);
}

function renderTests(tests: readonly ReportTest[]): Html {
  const newestFirst = tests.toSorted((a, b) => (a.at < b.at ? 1 : -1));
  const earlier =
    newestFirst.length > maxTests
      ? html`<p class="soft">${plural(newestFirst.length - maxTests, "earlier test")} not shown.</p>`
      : null;
  return html`<h3>Restore tests</h3>
${newestFirst.length === 0 ? html`<p>No backup of this source has been restored in a test yet.</p>` : newestFirst.slice(0, maxTests).map(renderTest)}${earlier}`;
}

function renderCatalogue({ backups }: ReportSource, now: Date): Html {
  const newestFirst = backups.toSorted((a, b) => b.startedAt.getTime() - a.startedAt.getTime());
  const shown = newestFirst.slice(0, maxBackups);
  const rest =
    newestFirst.length > shown.length
      ? html`<p class="soft">${plural(newestFirst.length - shown.length, "older backup")} not shown.</p>`
      : null;
  if (shown.length === 0) return html`<h3>Backups</h3><p>There is none.</p>`;
  return html`<h3>Backups</h3>
<div class="scroll"><table>
<caption>${plural(newestFirst.length, "backup")}, the newest first</caption>
<thead><tr><th scope="col">Backup</th><th scope="col" class="number">Age</th><th scope="col">State</th><th scope="col" class="number">Stored</th><th scope="col" class="number">Rows</th><th scope="col" class="number">Took</th><th scope="col">Evidence</th></tr></thead>
<tbody>${shown.map((backup) => renderBackup(backup, now))}</tbody>
</table></div>${rest}`;
}

function renderBackup({ id, startedAt, state, suspicious, held, leftOut, checks, figures = {} }: StatusBackup, now: Date): Html {
  const { storedBytes, rows, durationSeconds } = figures;
  return html`<tr><th scope="row"><code>${id}</code></th><td class="number">${formatAge(startedAt, now)}</td>
<td>${describeState(state)}${leftOut === undefined ? null : html` but for ${plural(leftOut, "object")}`}${suspicious ? html` ${describeState("suspicious")}` : null}${held === true ? html` ${describeState("held")}` : null}</td>
<td class="number">${storedBytes === undefined ? unknown : formatBytes(storedBytes)}</td><td class="number">${rows === undefined ? unknown : rows.toLocaleString("en")}</td>
<td class="number">${durationSeconds === undefined ? unknown : formatDuration(durationSeconds * 1000)}</td>
<td>${checks.length === 0 ? "none yet" : checks.map(({ check, at }) => html`<div>${check} ${instant(new Date(at))}</div>`)}</td></tr>
`;
}

function renderPlan(plan: ReportPlan | undefined): Html | null {
  if (plan === undefined) return null;
  return html`<h3>Retention</h3>
${plan.refusals.map(({ message, details }) => html`<div class="panel"><p>${verdictBadge("warning")} Pruning is refused: ${message}</p><ul>${details.map((detail) => html`<li>${detail}</li>`)}</ul></div>`)}
${plan.decisions.length === 0 ? null : renderDecisions(plan.decisions)}`;
}

function renderDecisions(decisions: ReportPlan["decisions"]): Html {
  const released = decisions.filter(({ kept }) => !kept).length;
  return html`<p>The next prune would keep ${plural(decisions.length - released, "backup")} and delete ${released}.</p>
<details${decisions.length <= maxOpen ? { markup: " open" } : null}><summary>Why each one stays or goes</summary>
<div class="scroll"><table><thead><tr><th scope="col">Backup</th><th scope="col">Decision</th><th scope="col">Reasons</th></tr></thead>
<tbody>${decisions.slice(0, maxBackups).map(({ id, kept: stays, reasons }) => html`<tr><th scope="row"><code>${id}</code></th><td>${stays ? "kept" : "released"}</td><td>${reasons.join("; ")}</td></tr>\n`)}</tbody>
</table></div></details>`;
}

function renderHolds(holds: readonly ReportHold[]): Html {
  if (holds.length === 0) return html`<h3>Legal holds</h3><p>No backup is held.</p>`;
  return html`<h3>Legal holds</h3>
<div class="scroll"><table><thead><tr><th scope="col">Backup</th><th scope="col">Since</th><th scope="col">By</th><th scope="col">Reason</th></tr></thead>
<tbody>${holds.map(({ backupId, at, by, reason }) => html`<tr><th scope="row"><code>${backupId}</code></th><td>${at === undefined ? "unknown" : instant(new Date(at))}</td><td>${by}</td><td>${reason}</td></tr>\n`)}</tbody>
</table></div>`;
}
