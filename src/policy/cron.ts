/**
 * Cron expressions with five fields, as cron(5) reads them: validated field by field, expanded into
 * lists.
 */
import { nearestName } from "./nearest-name.ts";
import type { Parsed } from "./parsed.ts";
import { showValue } from "./secret-text.ts";

/** When something runs, in the policy's time zone; every list ascends and is never empty. */
export interface CronSchedule {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly daysOfMonth: readonly number[];
  readonly months: readonly number[];
  /** 0 is Sunday, 6 Saturday. */
  readonly daysOfWeek: readonly number[];
  /**
   * cron(5): when both fields of the day are restricted (neither starts with `*`), a day that
   * matches either will do; otherwise it must match both.
   */
  readonly eitherDay: boolean;
}

interface Field {
  readonly name: string;
  readonly low: number;
  readonly high: number;
  /** Three-letter names, from `low` on. */
  readonly names: readonly string[];
}

const monthNames = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const dayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const fields = {
  minute: { name: "minute", low: 0, high: 59, names: [] },
  hour: { name: "hour", low: 0, high: 23, names: [] },
  dayOfMonth: { name: "day of the month", low: 1, high: 31, names: [] },
  month: { name: "month", low: 1, high: 12, names: monthNames },
  // 7 is Sunday too, so that 5-7 can be written.
  dayOfWeek: { name: "day of the week", low: 0, high: 7, names: dayNames },
} as const satisfies Record<string, Field>;

const fieldList: readonly Field[] = Object.values(fields);

export const cronForm =
  'a cron expression with five fields such as "0 2 * * *" (minute, hour, day of the month, month, day of the week)';
/** Five fields of cron's characters; the fields themselves are checked by `parseCron`. */
export const cronPattern = "^[0-9*/,-]+( +[0-9*/,-]+){2} +[0-9A-Za-z*/,-]+ +[0-9A-Za-z*/,-]+$";

const macros: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

/** February counts 29 days: a schedule for leap days is rare, not impossible. */
const daysInMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Reads a cron expression; every wrong field is named. A date that never comes (30 February) is
 * refused.
 */
export function parseCron(text: string): Parsed<CronSchedule> {
  const parts = text.trim().split(/\s+/);
  if (parts.length !== fieldList.length || parts[0] === "") return { problem: explainShape(text, parts) };
  const results = fieldList.map((field, index) => parseField(parts[index] ?? "", field));
  const problems = results.flatMap((result) => ("problem" in result ? [result.problem] : []));
  if (problems.length > 0) return { problem: problems.join("; ") };
  const [minutes = [], hours = [], daysOfMonth = [], months = [], weekDays = []] = results.map((result) =>
    "value" in result ? result.value : [],
  );
  const [anyDayOfMonth, anyDayOfWeek] = [parts[2]?.startsWith("*") === true, parts[4]?.startsWith("*") === true];
  const daysOfWeek = [...new Set(weekDays.map((day) => day % 7))].sort((a, b) => a - b);
  const eitherDay = !anyDayOfMonth && !anyDayOfWeek;
  const comes = eitherDay || months.some((month) => daysOfMonth.some((day) => day <= (daysInMonth[month - 1] ?? 0)));
  if (!comes) return { problem: `${showValue(text)} never comes: no such month has that many days` };
  return { value: { minutes, hours, daysOfMonth, months, daysOfWeek, eitherDay } };
}

function explainShape(text: string, parts: readonly string[]): string {
  const shown = showValue(text);
  const macro = text.trim().toLowerCase();
  const meaning = macros[macro];
  if (meaning !== undefined) return `${shown} is not allowed; write the five fields, "${meaning}"`;
  if (/^(cron|rate)\(/i.test(macro)) return `${shown} is not allowed; write ${cronForm}`;
  if (parts[0] === "") return `is empty; write ${cronForm}`;
  const extra = parts.length === 6 || parts.length === 7 ? ", without seconds and years" : "";
  return `${shown} has ${parts.length} ${parts.length === 1 ? "field" : "fields"}; write ${cronForm}${extra}`;
}

function parseField(text: string, field: Field): Parsed<readonly number[]> {
  const values = new Set<number>();
  for (const item of text.split(",")) {
    const range = parseItem(item, field);
    if ("problem" in range) return { problem: `${field.name} ${showValue(text)}: ${range.problem}` };
    for (let value = range.value.first; value <= range.value.last; value += range.value.step) values.add(value);
  }
  return { value: [...values].sort((a, b) => a - b) };
}

interface Range {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

function parseItem(item: string, field: Field): Parsed<Range> {
  if (item === "") return { problem: "a value is missing beside the comma" };
  if (/[?#]|^[0-9]*[LW]$/.test(item)) return { problem: `"?", "L", "W" and "#" are not of this cron; ${allowedIn(field)}` };
  const [span = "", stepText, ...rest] = item.split("/");
  if (rest.length > 0) return { problem: "only one / is allowed" };
  const bounds = parseSpan(span, field);
  if ("problem" in bounds) return bounds;
  if (stepText === undefined) return { value: { ...bounds.value, step: 1 } };
  return parseStep(span, stepText, bounds.value, field);
}

function parseStep(span: string, stepText: string, bounds: Omit<Range, "step">, field: Field): Parsed<Range> {
  const step = /^[0-9]{1,4}$/.test(stepText) ? Number(stepText) : 0;
  if (step === 0) return { problem: `the step ${showValue(stepText)} is not a whole number of at least 1` };
  if (span !== "*" && !span.includes("-")) {
    return { problem: `a step needs a range; write ${span}-${field.high}/${step}` };
  }
  // Such a step would silently fire once an hour or day, which is never what it was written for.
  if (step > bounds.last - bounds.first) {
    return {
      problem: `the step ${step} is larger than the range ${bounds.first}-${bounds.last}, and would count only ${bounds.first}`,
    };
  }
  return { value: { ...bounds, step } };
}

function parseSpan(span: string, field: Field): Parsed<Omit<Range, "step">> {
  // The second name of Sunday is left out of *, which means every day once.
  if (span === "*") return { value: { first: field.low, last: field.names === dayNames ? 6 : field.high } };
  const [from = "", to, ...rest] = span.split("-");
  if (rest.length > 0) return { problem: `${showValue(span)} is not a range; ${allowedIn(field)}` };
  const first = parseNumber(from, field);
  if ("problem" in first) return first;
  if (to === undefined) return { value: { first: first.value, last: first.value } };
  const last = parseNumber(to, field);
  if ("problem" in last) return last;
  if (first.value > last.value) {
    const highest = field.names === dayNames ? 6 : field.high;
    const upper = first.value >= highest ? from : `${from}-${highest}`;
    const lower = last.value === field.low ? `${field.low}` : `${field.low}-${to}`;
    return { problem: `the range ${span} runs backwards; write ${upper},${lower}` };
  }
  return { value: { first: first.value, last: last.value } };
}

function parseNumber(text: string, field: Field): Parsed<number> {
  const named = field.names.indexOf(text.toLowerCase());
  if (named >= 0) return { value: field.low + named };
  if (/^[0-9]{1,4}$/.test(text)) {
    const number = Number(text);
    if (number >= field.low && number <= field.high) return { value: number };
  }
  const nearest = /[A-Za-z]/.test(text) ? nearestName(text.slice(0, 3), field.names) : undefined;
  const guess = nearest === undefined ? "" : `; did you mean "${nearest}"?`;
  return { problem: `${text === "" ? "a number is missing" : `${showValue(text)} is not allowed`}; ${allowedIn(field)}${guess}` };
}

function allowedIn(field: Field): string {
  const names = field.names.length === 0 ? "" : ` or ${field.names[0]}-${field.names.at(-1)}`;
  return `${field.low}-${field.high}${names}, lists with commas, ranges, and steps such as */2`;
}
