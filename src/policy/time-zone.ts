/** Checks names of time zones against the runtime's own IANA data. */
import { nearestName } from "./nearest-name.ts";
import type { Parsed } from "./parsed.ts";
import { showValue } from "./secret-text.ts";

/**
 * Accepts an IANA name, links such as `US/Eastern` included; refuses offsets, which know no
 * daylight saving time.
 */
export function parseTimeZone(text: string): Parsed<string> {
  // The default needs no look into the zone data, whose loading takes milliseconds.
  if (text === "UTC") return { value: text };
  const known = Intl.supportedValuesOf("timeZone");
  if (known.includes(text)) return { value: text };
  if (/^(UTC|GMT)?[+-]?\d/i.test(text)) {
    return { problem: `${showValue(text)} is an offset; write an IANA name such as Europe/Berlin, or UTC` };
  }
  if (/^[A-Z]/.test(text) && isZone(text) && !known.some((name) => name.toLowerCase() === text.toLowerCase()))
    return { value: text };
  const nearest = nearestName(text, [...known, "UTC"]) ?? known.find((name) => isCityOf(text, name));
  const guess = nearest === undefined ? "; write one such as Europe/Berlin, or UTC" : `; did you mean "${nearest}"?`;
  return { problem: `${showValue(text)} is not an IANA time zone${guess}` };
}

function isZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: text });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Whether `text` is the last part of a zone's name: `Berlin` of `Europe/Berlin`. */
function isCityOf(text: string, zone: string): boolean {
  const city = text.trim().toLowerCase().replaceAll(" ", "_");
  return city !== "" && zone.toLowerCase().endsWith(`/${city}`);
}
