/** When a schedule ran last: cron in a time zone, right across DST. */
import { HoldfastError } from "../errors/holdfast-error.ts";
import { type CronSchedule, parseCron } from "../policy/cron.ts";
import { openZoneOffset, type ZoneOffset } from "../runtime/zone-offset.ts";

const minuteMs = 60_000;
const dayMs = 86_400_000;
/** The rarest date, 29 February, is eight years apart around 2100. */
const maxDaysBack = 8 * 366 + 1;

export interface Schedule {
  /**
   * The newest run before the instant, itself excluded; undefined when there is none within eight
   * years.
   */
  previous(before: Date): Date | undefined;
}

/**
 * A schedule of the policy, in its time zone. On the days when clocks change it runs as EventBridge
 * Scheduler does: a local time that is skipped does not run, and one that comes twice runs the
 * first time only.
 * Errors: PolicyInvalid for an expression that the policy's parser refuses.
 */
export function openSchedule(cron: string, timezone: string): Schedule {
  const parsed = parseCron(cron);
  if ("problem" in parsed) throw new HoldfastError("PolicyInvalid", `the schedule "${cron}" cannot be read: ${parsed.problem}`);
  const offsetOf = openZoneOffset(timezone);
  return { previous: (before) => findPrevious(parsed.value, offsetOf, before.getTime()) };
}

/** The newest run of `cron` (five fields) in `timezone` before an instant; see `openSchedule`. */
export function previousRun(cron: string, timezone: string, before: Date): Date | undefined {
  return openSchedule(cron, timezone).previous(before);
}

function findPrevious(schedule: CronSchedule, offsetOf: ZoneOffset, beforeMs: number): Date | undefined {
  const firstDay = Math.floor((beforeMs + offsetOf(beforeMs)) / dayMs);
  for (let day = firstDay; day > firstDay - maxDaysBack; day--) {
    if (!runsOn(schedule, new Date(day * dayMs))) continue;
    const run = findLastOfDay(schedule, offsetOf, day * dayMs, beforeMs);
    if (run !== undefined) return new Date(run);
  }
  return undefined;
}

/** Whether the schedule runs on a day, given as its midnight in UTC. */
function runsOn({ months, daysOfMonth, daysOfWeek, eitherDay }: CronSchedule, date: Date): boolean {
  if (!months.includes(date.getUTCMonth() + 1)) return false;
  const inMonth = daysOfMonth.includes(date.getUTCDate());
  const inWeek = daysOfWeek.includes(date.getUTCDay());
  return eitherDay ? inMonth || inWeek : inMonth && inWeek;
}

function findLastOfDay(
  { hours, minutes }: CronSchedule,
  offsetOf: ZoneOffset,
  midnightMs: number,
  beforeMs: number,
): number | undefined {
  for (const hour of hours.toReversed()) {
    for (const minute of minutes.toReversed()) {
      const run = firstInstant(midnightMs + (hour * 60 + minute) * minuteMs, offsetOf);
      if (run !== undefined && run < beforeMs) return run;
    }
  }
  return undefined;
}

/**
 * The first instant at which clocks show a local time (given as if it were UTC), or undefined where
 * they skip it.
 */
function firstInstant(localMs: number, offsetOf: ZoneOffset): number | undefined {
  // Clocks change at most once within a day of any instant, so that one of the two offsets is in
  // force.
  const candidates = [localMs - offsetOf(localMs - dayMs), localMs - offsetOf(localMs + dayMs)];
  const shown = candidates.filter((instant) => instant + offsetOf(instant) === localMs);
  return shown.length === 0 ? undefined : Math.min(...shown);
}
