/**
 * Times as people write them at night: `14:32`, `yesterday 14:00`, `2026-11-28`, `2h ago`; without
 * a zone, those of the policy's zone.
 */
import { openZoneOffset, type ZoneOffset } from "./zone-offset.ts";

export interface MomentContext {
  readonly now: Date;
  /** IANA name, for what is written without a zone. */
  readonly timezone: string;
}

/** The instant, and what its writer should know of how it was read; or why it is none. */
export type Moment = { readonly instant: Date; readonly notes: readonly string[] } | { readonly problem: string };

/** What to write, for hints. */
export const momentForms = '14:32, "2026-11-28 03:30", 2026-11-28, yesterday, "yesterday 14:00", 2h, -2h or 2026-11-28T14:32:00Z';

const dayMs = 86_400_000;
const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: dayMs, w: 7 * dayMs };
const duration = /^-?\s*((?:\d{1,9}\s*(?:s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|w|weeks?)\s*)+)(?:ago)?$/;
/** A day, a time of day, a zone: each may be left out, but not all. */
const clock =
  /^(?:(\d{4})-(\d\d)-(\d\d)|(today|yesterday))?(?:(?:^|[T ]+)(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?(?: *(z|utc|[+-]\d\d:?\d\d))?$/i;
/** As ids of backups have it. */
const stamp = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/i;

/**
 * Reads a moment in the past. A day alone is its last moment, or now for today: the newest of that
 * day is meant. A time of day alone is today's. A time that the zone's clocks showed twice is the
 * earlier one, and one that they skipped is the moment of the change; both are noted.
 */
export function parseMoment(text: string, context: MomentContext): Moment {
  const given = text.trim().replace(stamp, "$1-$2-$3T$4:$5:$6Z");
  const moment = parseDuration(given.toLowerCase(), context) ?? parseClock(given, context);
  if (moment === undefined) return { problem: `${JSON.stringify(text)} is not a time that Holdfast understands` };
  if ("problem" in moment || moment.instant <= context.now) return moment;
  const iso = moment.instant.toISOString();
  return { problem: `${JSON.stringify(text)} is in the future: ${iso}, and it is now ${context.now.toISOString()}` };
}

/** `2026-11-28 14:32:00 +01:00`: an instant as the clocks of a zone show it. */
export function formatInZone(instant: Date, timezone: string): string {
  const offsetMs = openZoneOffset(timezone)(instant.getTime());
  const wall = new Date(instant.getTime() + offsetMs).toISOString().slice(0, 19).replace("T", " ");
  const minutes = Math.round(Math.abs(offsetMs) / 60_000);
  const pair = (value: number): string => String(value).padStart(2, "0");
  return `${wall} ${offsetMs < 0 ? "-" : "+"}${pair(Math.floor(minutes / 60))}:${pair(minutes % 60)}`;
}

function parseDuration(text: string, { now }: MomentContext): Moment | undefined {
  const [, amounts] = duration.exec(text) ?? [];
  if (amounts === undefined) {
    const [, unit] = /^(?:-\s*\d+\s*|\d+\s*(?=[a-z]+\s*ago$))([a-z]*)/.exec(text) ?? [];
    return unit === undefined || unit in unitMs
      ? undefined
      : { problem: `${JSON.stringify(text)} does not count in s, m, h, d or w` };
  }
  let elapsedMs = 0;
  for (const [, amount, unit = ""] of amounts.matchAll(/(\d+)\s*([a-z])/g)) elapsedMs += Number(amount) * (unitMs[unit] ?? 0);
  const instant = new Date(now.getTime() - elapsedMs);
  if (Number.isNaN(instant.getTime())) return { problem: `${JSON.stringify(text)} is before all time` };
  return { instant, notes: [] };
}

function parseClock(text: string, context: MomentContext): Moment | undefined {
  const found = clock.exec(text);
  if (found === null || text === "") return undefined;
  const [, year, month, day, word, hour, minute, second = "0", fraction = "0", zone] = found;
  if (hour === undefined && year === undefined && word === undefined) return undefined;
  const offsetAt = zone === undefined ? openZoneOffset(context.timezone) : fixedOffset(zone);
  const dayStartMs =
    year === undefined
      ? startOfDay(context.now.getTime(), offsetAt) - (word?.toLowerCase() === "yesterday" ? dayMs : 0)
      : Date.UTC(Number(year), Number(month) - 1, Number(day));
  if (year !== undefined && new Date(dayStartMs).toISOString().slice(0, 10) !== `${year}-${month}-${day}`) {
    return { problem: `${JSON.stringify(text)} is not a day of the calendar` };
  }
  if (hour === undefined) {
    const { instant } = instantOf(dayStartMs + dayMs, offsetAt);
    return { instant: new Date(Math.min(instant.getTime() - 1, endOfToday(dayStartMs, offsetAt, context))), notes: [] };
  }
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) {
    return { problem: `${JSON.stringify(text)} is not a time of day` };
  }
  const timeMs = ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000 + Math.floor(Number(`0.${fraction}`) * 1000);
  return instantOf(dayStartMs + timeMs, offsetAt);
}

/** The wall clock's midnight of the day that contains the instant, as if it were UTC. */
function startOfDay(epochMs: number, offsetAt: ZoneOffset): number {
  return Math.floor((epochMs + offsetAt(epochMs)) / dayMs) * dayMs;
}

/** Now, when the day is today; else no limit. */
function endOfToday(dayStartMs: number, offsetAt: ZoneOffset, { now }: MomentContext): number {
  return dayStartMs === startOfDay(now.getTime(), offsetAt) ? now.getTime() : Number.POSITIVE_INFINITY;
}

function fixedOffset(zone: string): ZoneOffset {
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(zone) ?? [];
  const ms = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60_000;
  return () => (sign === "-" ? -ms : ms);
}

/** The instant at which the zone's clocks show `wallMs` (as if it were UTC). */
function instantOf(wallMs: number, offsetAt: ZoneOffset): { readonly instant: Date; readonly notes: readonly string[] } {
  const [before, after] = [offsetAt(wallMs - dayMs), offsetAt(wallMs + dayMs)];
  const fitting = [...new Set([before, after])].map((offset) => wallMs - offset).filter((at) => at + offsetAt(at) === wallMs);
  const [first, second] = fitting.sort((a, b) => a - b);
  if (first === undefined) {
    const change = new Date(findChange(wallMs - dayMs - before, wallMs + dayMs - after, offsetAt));
    return { instant: change, notes: [`the clocks skipped that time; the moment of the change is meant, ${change.toISOString()}`] };
  }
  if (second === undefined) return { instant: new Date(first), notes: [] };
  const later = new Date(second).toISOString();
  return { instant: new Date(first), notes: [`the clocks showed that time twice; the earlier is meant, the later is ${later}`] };
}

/** When the offset changed between two instants of different offsets. */
function findChange(fromMs: number, toMs: number, offsetAt: ZoneOffset): number {
  let [low, high] = [Math.floor(fromMs / 1000), Math.ceil(toMs / 1000)];
  const before = offsetAt(low * 1000);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle * 1000) === before) low = middle;
    else high = middle;
  }
  return high * 1000;
}
