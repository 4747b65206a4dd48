/**
 * The phrases that every rendering shares, so that a mail and a message about one problem read
 * alike.
 */
import type { Alert } from "./alert.ts";

/** The one word that a reader sees first. */
export function labelOf({ kind, severity }: Alert): string {
  if (kind === "recovery") return "RECOVERED";
  return kind === "test" ? "DRILL" : severity.toUpperCase();
}

/** `2026-11-20 02:00:05 UTC`. What cannot be read as an instant is given as it is. */
export function sayInstant(iso: string): string {
  const epochMs = Date.parse(iso);
  return Number.isNaN(epochMs) ? iso : `${new Date(epochMs).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** When the problem began and how long ago that was when the alert was made. */
export function saySince({ since, at }: Alert): string {
  const elapsedSeconds = (Date.parse(at) - Date.parse(since)) / 1000;
  return elapsedSeconds >= 1 ? `${sayInstant(since)}, ${sayAge(elapsedSeconds)} before this was sent` : sayInstant(since);
}

/** The newest backup that may be relied on, in one sentence without a full stop. */
export function sayNewestGood({ newestGood }: Alert): string {
  if (newestGood === undefined) return "not known";
  if (newestGood === null) return "none: nothing could be restored with confidence at this moment";
  return `${newestGood.id}, ${newestGood.state}, ${sayAge(newestGood.ageSeconds)} old`;
}

/** `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`: the two units that matter at night. */
export function sayAge(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min`;
  if (whole < 172_800) return pair(whole, 3_600, "h", 60, "min");
  return pair(whole, 86_400, "d", 3_600, "h");
}

function pair(seconds: number, big: number, bigUnit: string, small: number, smallUnit: string): string {
  const rest = Math.floor((seconds % big) / small);
  const first = `${Math.floor(seconds / big)} ${bigUnit}`;
  return rest === 0 ? first : `${first} ${rest} ${smallUnit}`;
}
