/**
 * An alert as a mail: a subject that says it all, and a body for somebody who was woken at three in
 * the morning.
 */
import type { Alert } from "./alert.ts";
import { labelOf, sayInstant, sayNewestGood, saySince } from "./alert-words.ts";
import { cutText, oneLine, toAscii } from "./cut-text.ts";

/**
 * SNS refuses a subject of 100 characters and more, line breaks, and whatever is not ASCII (SNS API
 * reference, Publish).
 */
const subjectCharacters = 99;
/** Far above what a bounded alert needs; SNS takes 262,144 bytes for all renderings together. */
const bodyCharacters = 12_000;

/** Fewer than 100 printable ASCII characters that begin with a letter. */
export function renderSubject(alert: Alert): string {
  const subject = toAscii(oneLine(`${labelOf(alert)}: ${alert.what} (${alert.why.class})`));
  return subject.length <= subjectCharacters ? subject : `${subject.slice(0, subjectCharacters - 3)}...`;
}

/** The body: what to type stands where the eye falls first, then what is known. */
export function renderText(alert: Alert): string {
  const { what, why, nextCommand, run, runbook, dedupeKey } = alert;
  const line = (text: string): string => oneLine(text);
  const lines = [
    `${labelOf(alert)}: ${line(what)}`,
    "",
    `Type this next:   ${line(nextCommand)}`,
    `What to do:       ${line(why.hint)}`,
    "",
    `Why:              ${line(why.message)} (${line(why.class)})`,
    ...why.details.map((detail) => `                  ${line(detail)}`),
    `Since:            ${line(saySince(alert))}`,
    `Newest good backup: ${line(sayNewestGood(alert))}`,
    "",
    `Procedure:        ${line(runbook)}`,
    ...(run === undefined ? [] : [`Run:              ${line(run)}`]),
    `Sent:             ${line(sayInstant(alert.at))}, by Holdfast; cause ${line(dedupeKey)}`,
  ];
  return `${cutText(lines.join("\n"), bodyCharacters)}\n`;
}
