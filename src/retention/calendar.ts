/**
 * Calendar periods as whole numbers that ascend with time: what day, ISO week, month or year an
 * instant falls in, in a time zone.
 */
import { openZoneOffset } from "../runtime/zone-offset.ts";

export type Period = "day" | "week" | "month" | "year";

const dayMs = 86_400_000;
/** 1970-01-01 was a Thursday, the fourth day of its ISO week. */
const daysIntoFirstWeek = 3;

/**
 * What tells the number of the calendar day (days since 1970-01-01) of an instant (epoch
 * milliseconds) in the time zone.
 */
export function openDayOf(timezone: string): (epochMs: number) => number {
  const offsetOf = openZoneOffset(timezone);
  return (epochMs) => Math.floor((epochMs + offsetOf(epochMs)) / dayMs);
}

/** The number of the period that a calendar day belongs to. */
export function periodOf(period: Period, day: number): number {
  if (period === "day") return day;
  if (period === "week") return Math.floor((day + daysIntoFirstWeek) / 7);
  const date = new Date(day * dayMs);
  return period === "year" ? date.getUTCFullYear() : date.getUTCFullYear() * 12 + date.getUTCMonth();
}

/** The first calendar day of the period with this number: the inverse of periodOf. */
export function startOfPeriod(period: Period, number: number): number {
  if (period === "day") return number;
  if (period === "week") return number * 7 - daysIntoFirstWeek;
  // Date.UTC takes years below 100 for those of the 20th century; no backup is that old.
  return (period === "year" ? Date.UTC(number, 0, 1) : Date.UTC(Math.floor(number / 12), number % 12, 1)) / dayMs;
}

/** The instant (epoch milliseconds) at which a calendar day begins in the time zone. */
export function startOfDay(day: number, timezone: string): number {
  const offsetOf = openZoneOffset(timezone);
  const utcMs = day * dayMs;
  // The offset at the instant itself, which the first look (at most a day off) may miss where
  // clocks change that night.
  const guessMs = utcMs - offsetOf(utcMs);
  return utcMs - offsetOf(guessMs);
}

/** The period in words: `2026-11-20`, `2026-W47` (ISO 8601), `2026-11`, `2026`. */
export function describePeriod(period: Period, number: number): string {
  if (period === "day") return isoDate(number);
  if (period === "year") return `${number}`;
  if (period === "month") return `${Math.floor(number / 12)}-${pad(number - Math.floor(number / 12) * 12 + 1)}`;
  // An ISO week belongs to the year of its Thursday.
  const thursday = number * 7;
  const year = new Date(thursday * dayMs).getUTCFullYear();
  const firstOfJanuary = Date.UTC(year, 0, 1) / dayMs;
  return `${year}-W${pad(Math.floor((thursday - firstOfJanuary) / 7) + 1)}`;
}

function isoDate(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10);
}

function pad(number: number): string {
  return number.toString().padStart(2, "0");
}
