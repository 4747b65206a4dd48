import { describe, expect, it } from "vitest";
import { parseTimeZone } from "../../src/policy/time-zone.ts";

describe("time zones", () => {
  it.each(["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kolkata", "US/Eastern", "Pacific/Chatham"])(
    "accepts %s",
    (name) => {
      expect(parseTimeZone(name)).toEqual({ value: name });
    },
  );

  it.each([
    ["Berlin", '"Berlin" is not an IANA time zone; did you mean "Europe/Berlin"?'],
    ["new york", '"new york" is not an IANA time zone; did you mean "America/New_York"?'],
    ["Europe/Berln", '"Europe/Berln" is not an IANA time zone; did you mean "Europe/Berlin"?'],
    ["europe/berlin", '"europe/berlin" is not an IANA time zone; did you mean "Europe/Berlin"?'],
    ["utc", '"utc" is not an IANA time zone; did you mean "UTC"?'],
    ["+02:00", '"+02:00" is an offset; write an IANA name such as Europe/Berlin, or UTC'],
    ["UTC+2", '"UTC+2" is an offset; write an IANA name such as Europe/Berlin, or UTC'],
    ["Middle-earth/Shire", '"Middle-earth/Shire" is not an IANA time zone; write one such as Europe/Berlin, or UTC'],
    ["", '"" is not an IANA time zone; write one such as Europe/Berlin, or UTC'],
  ])("refuses %j", (name, problem) => {
    expect(parseTimeZone(name)).toEqual({ problem });
  });
});
