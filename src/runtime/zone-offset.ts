/**
 * Offsets of a time zone from UTC, fast enough for a million instants: from the runtime's own zone
 * data, cached a day at a time.
 */

/** Milliseconds by which local time is ahead of UTC at an instant (epoch milliseconds). */
export type ZoneOffset = (epochMs: number) => number;

const dayMs = 86_400_000;

/**
 * The offsets of `timezone` (an IANA name; the policy's parser has checked it), exact to the second
 * and right on the days when clocks change. UTC needs no zone data at all. The answer keeps one
 * number per day that it was asked about. Throws RangeError for a name that the runtime does not
 * know.
 */
export function openZoneOffset(timezone: string): ZoneOffset {
  if (timezone === "UTC" || timezone === "Etc/UTC") return () => 0;
  const look = openIntlOffset(timezone);
  const atMidnight = cacheByDay((day) => look(day * dayMs));
  // Clocks change at most once a day: a day that begins and ends with the same offset has no other.
  const ofDay = cacheByDay((day) => (atMidnight(day) === atMidnight(day + 1) ? atMidnight(day) : Number.NaN));
  // Instants mostly come in order, so that the last day's answer mostly fits the next.
  let [lastDay, lastOffset] = [Number.NaN, 0];
  return (epochMs) => {
    const day = Math.floor(epochMs / dayMs);
    if (day !== lastDay) [lastDay, lastOffset] = [day, ofDay(day)];
    return Number.isNaN(lastOffset) ? look(epochMs) : lastOffset;
  };
}

function openIntlOffset(timezone: string): ZoneOffset {
  const format = new Intl.DateTimeFormat("en-US", { timeZone: timezone, timeZoneName: "longOffset" });
  return (epochMs) => {
    // Ends in `GMT`, `GMT+05:45` or, before clocks were agreed on, `GMT-00:44:30`.
    const [, sign, hours, minutes, seconds] = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(format.format(epochMs)) ?? [];
    if (sign === undefined) return 0;
    const magnitude = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds ?? 0)) * 1000;
    return sign === "-" ? -magnitude : magnitude;
  };
}

function cacheByDay(compute: (day: number) => number): (day: number) => number {
  const known = new Map<number, number>();
  return (day) => {
    let value = known.get(day);
    if (value === undefined) {
      value = compute(day);
      known.set(day, value);
    }
    return value;
  };
}
