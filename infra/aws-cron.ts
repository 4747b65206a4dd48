/**
 * A policy's cron expression in the words of EventBridge Scheduler: six fields, and one of the two
 * day fields is always `?`.
 */
import { HoldfastError } from "../src/errors/holdfast-error.ts";
import { type CronSchedule, parseCron } from "../src/policy/cron.ts";

/**
 * EventBridge Scheduler API reference, CreateSchedule: the most characters of a schedule
 * expression.
 */
const maxCharacters = 256;

/**
 * One or two `cron(…)` expressions that together fire when `text` does. Two where cron(5) means
 * "either day": where both match, both fire for one instant, and the second start of one name
 * changes nothing (functions/start.ts).
 * Errors: PolicyInvalid, for the few schedules that AWS cannot say.
 */
export function awsCron(text: string): string[] {
  const { minutes, hours, daysOfMonth, months, daysOfWeek, eitherDay } = readCron(text);
  const time = `${field(minutes, 60)} ${field(hours, 24)}`;
  const month = field(months, 12);
  const dayOfMonth = field(daysOfMonth, 31);
  // AWS counts from 1, Sunday.
  const dayOfWeek = field(
    daysOfWeek.map((day) => day + 1),
    7,
  );
  const onDates = `cron(${time} ${dayOfMonth} ${month} ? *)`;
  const onWeekdays = `cron(${time} ? ${month} ${dayOfWeek} *)`;
  if (eitherDay && (dayOfWeek === "*" || dayOfMonth === "*")) return checked(text, [`cron(${time} * ${month} ? *)`]);
  if (dayOfWeek === "*") return checked(text, [onDates]);
  if (dayOfMonth === "*") return checked(text, [onWeekdays]);
  if (eitherDay) return checked(text, [onDates, onWeekdays]);
  throw refuse(
    text,
    "asks for days that match a date and a weekday",
    "Restrict either the day of the month or the day of the week.",
  );
}

/**
 * The shortest time between two runs of a day, in seconds; a day for what runs once a day or more
 * seldom.
 */
export function shortestGapSeconds(text: string): number {
  const { minutes, hours } = readCron(text);
  const runs = hours.flatMap((hour) => minutes.map((minute) => hour * 3_600 + minute * 60));
  const [first = 0] = runs;
  return Math.min(...[...runs.slice(1), first + 86_400].map((run, index) => run - (runs[index] ?? 0)));
}

/** Days over which the longest gap is looked for: four years, so that a leap day is among them. */
const fourYears = 1_461;

/** The longest time between the days of two runs, in seconds. */
export function longestGapSeconds(text: string): number {
  const schedule = readCron(text);
  const days = Array.from({ length: 2 * fourYears }, (_, day) => day).filter((day) => runsOn(schedule, new Date(day * 86_400_000)));
  const gaps = days.slice(1).map((day, index) => day - (days[index] ?? day));
  return Math.max(...gaps) * 86_400;
}

function runsOn({ months, daysOfMonth, daysOfWeek, eitherDay }: CronSchedule, day: Date): boolean {
  if (!months.includes(day.getUTCMonth() + 1)) return false;
  const onDate = daysOfMonth.includes(day.getUTCDate());
  const onWeekday = daysOfWeek.includes(day.getUTCDay());
  return eitherDay ? onDate || onWeekday : onDate && onWeekday;
}

function readCron(text: string): CronSchedule {
  const parsed = parseCron(text);
  if ("problem" in parsed) throw new HoldfastError("Internal", `the policy let the schedule "${text}" pass: ${parsed.problem}`);
  return parsed.value;
}

function checked(text: string, expressions: string[]): string[] {
  if (expressions.every(({ length }) => length <= maxCharacters)) return expressions;
  throw refuse(text, `takes more than ${maxCharacters} characters`, "Write the schedule with fewer single values.");
}

function refuse(text: string, why: string, hint: string): HoldfastError {
  return new HoldfastError("PolicyInvalid", `the schedule "${text}" ${why}, which EventBridge cannot say`, { hint });
}

function field(values: readonly number[], count: number): string {
  return values.length === count ? "*" : values.join(",");
}
