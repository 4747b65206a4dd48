/** What a restore has done, in lines for people. */
import { describeUnmet } from "../../pipeline/erasures/replay-erasures.ts";
import type { RestoreResult } from "../../pipeline/restore/restore-result.ts";
import { sayPart } from "../../pipeline/restore/restored-part.ts";
import type { EngineTraits } from "../../policy/policy.ts";
import type { LoadFinding } from "../../proof/content.ts";
import { formatBytes, formatDuration } from "../../report/format.ts";
import { describePhases } from "../../report/phases.ts";
import { contentAmount } from "../content-amount.ts";
import { countOf } from "../count.ts";
import type { Terminal } from "../terminal.ts";
import { describeLive } from "./restore-live-lines.ts";

function describeEqual({ leftOut, unjudged }: RestoreResult["comparison"], isPart: boolean): string {
  const equal = isPart ? "equal to that part of the backup" : "equal to the backup";
  const but = [
    ...(leftOut === undefined ? [] : [countOf(leftOut.count, "object")]),
    ...(unjudged === undefined ? [] : [`${countOf(unjudged.count, "definition")} NOT judged`]),
  ];
  return but.length === 0 ? equal : `${equal} but for ${but.join(" and ")}`;
}

/** Each definition that is printed differently and could not be judged, after the reason. */
function describeUnjudged(terminal: Terminal, { unjudged }: RestoreResult["comparison"]): string[] {
  if (unjudged === undefined) return [];
  const { count, objects, reason } = unjudged;
  const more = count > objects.length ? [`and ${countOf(count - objects.length, "more definition")}`] : [];
  const why = `what is printed differently may still mean the same: ${reason}`;
  return [why, ...objects, ...more].map((line) => `  ${terminal.style("yellow", "not judged")}  ${line}`);
}

/**
 * What is missing by the policy's own wish is said as a warning: the restore is as good as it can
 * be.
 */
function findingLabel(terminal: Terminal, kind: LoadFinding["class"]): string {
  if (kind === "excepted") return terminal.style("yellow", "left out  ");
  return (kind === "benign" ? "noted" : kind).padEnd(10);
}

export function restoreLines(terminal: Terminal, result: RestoreResult, units: EngineTraits["units"] | undefined): string[] {
  const { backupId, source, comparison, loadFindings, timings, place, selection } = result;
  const what = `${contentAmount(units, comparison.objectsCompared, comparison.rowsCompared)}, ${formatBytes(comparison.bytesCompared)}`;
  const omitted = typeof place["notRestored"] === "string" ? `; ${place["notRestored"]} NOT restored` : "";
  const verdict = comparison.equal
    ? terminal.style(
        omitted === "" && comparison.unjudged === undefined ? "green" : "yellow",
        `${describeEqual(comparison, selection !== undefined)}${omitted}`,
      )
    : terminal.style("red", `${countOf(comparison.differenceCount, "difference")} from the backup`);
  return [
    `${terminal.style("bold", backupId)}  of ${source}, ${selection === undefined ? "" : "A PART OF IT "}${describeDeed(result)}`,
    ...(selection === undefined ? [] : [`  part        ${sayPart(selection)}; the rest was neither restored nor compared`]),
    `  compared    ${what}: ${verdict}`,
    `  phases      ${describePhases(timings)}`,
    ...(typeof place["replaced"] === "string" ? [`  kept        what was there before is now ${place["replaced"]}`] : []),
    ...describeErasures(terminal, result),
    ...describeLive(terminal, result),
    ...describeSafety(terminal, result),
    ...comparison.differences.map(({ object, problem }) => `  ${terminal.style("red", "differs")}     ${object}: ${problem}`),
    ...describeUnjudged(terminal, comparison),
    ...loadFindings.map(({ class: kind, subject, message }) => `  ${findingLabel(terminal, kind)}  ${subject}: ${message}`),
  ];
}

/** A live database is changed by one table, or was only looked at. */
function describeDeed({ live, target }: RestoreResult): string {
  if (live === undefined) return `restored to ${target}`;
  return live.applied ? `put into ${target}` : `compared with ${target}`;
}

/** What was erased from production since the backup, and is not in the copy. */
function describeErasures(terminal: Terminal, { erasures }: RestoreResult): string[] {
  if (erasures === undefined || (erasures.entries === 0 && erasures.problems.length === 0)) return [];
  const { entries, replayed, objects, notApplicable, refused, stillThere, problems } = erasures;
  const bad = (text: string): string => `  ${terminal.style("red", "NOT erased")}  ${text}`;
  const details = objects.map(({ object, erased, notFound }) => `${object}: ${erased} erased, ${notFound} not found`);
  return [
    `  erasures    ${replayed} of ${entries} recorded replayed, those newer than the backup${details.length === 0 ? "" : `; ${details.join("; ")}`}`,
    ...notApplicable.map((unmet) => `  ${terminal.style("yellow", "no effect")}   ${describeUnmet(unmet)}`),
    ...stillThere.map(
      ({ object, found }) =>
        `  ${terminal.style("yellow", "look at")}     ${object}: ${found} that were erased before the backup are in it`,
    ),
    ...refused.map((unmet) => bad(describeUnmet(unmet))),
    ...problems.map(bad),
  ];
}

/** The safety backup, the time against the RTO, and the policy's assertions. */
function describeSafety(terminal: Terminal, { safetyBackup, objective, assertions, unrecorded }: RestoreResult): string[] {
  const failed = assertions.filter(({ passed }) => !passed);
  return [
    ...(safetyBackup === undefined
      ? []
      : [`  safety      ${safetyBackup.source}/${safetyBackup.backupId}, held until you release it`]),
    ...(objective === undefined
      ? []
      : [
          `  restored in ${formatDuration(objective.measuredSeconds * 1000)}; objective ${formatDuration(objective.rtoSeconds * 1000)}: ${
            objective.met ? terminal.style("green", "met") : terminal.style("red", "missed")
          }`,
        ]),
    ...(assertions.length === 0 ? [] : [`  assertions  ${assertions.length - failed.length} of ${assertions.length} passed`]),
    ...failed.map(
      ({ name, expected, actual }) =>
        `  ${terminal.style("red", "failed")}      assertion "${name}": expected ${expected}, found ${actual}`,
    ),
    ...(unrecorded === undefined ? [] : [`  ${terminal.style("yellow", "not recorded")}  ${unrecorded.message}`]),
  ];
}
