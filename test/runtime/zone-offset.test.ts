import fc from "fast-check";
import { Temporal } from "temporal-polyfill";
import { describe, expect, it } from "vitest";
import { openZoneOffset } from "../../src/runtime/zone-offset.ts";

const zones = [
  "UTC",
  "Europe/Berlin",
  "Europe/Dublin",
  "America/New_York",
  "America/Havana",
  "America/St_Johns",
  "Asia/Kathmandu",
  "Asia/Beirut",
  "Africa/Casablanca",
  "Africa/Monrovia",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "Pacific/Chatham",
  "US/Eastern",
];

const offsetByTemporal = (epochMs: number, zone: string): number =>
  Temporal.Instant.fromEpochMilliseconds(epochMs).toZonedDateTimeISO(zone).offsetNanoseconds / 1e6;

describe("openZoneOffset", () => {
  it("agrees with Temporal at any second from 1970 to 2100, in zones of every habit", () => {
    const offsets = new Map(zones.map((zone) => [zone, openZoneOffset(zone)]));
    const second = fc.integer({ min: 0, max: Date.UTC(2100, 0, 1) / 1000 });
    fc.assert(
      fc.property(fc.constantFrom(...zones), second, (zone, at) => {
        expect(offsets.get(zone)?.(at * 1000)).toBe(offsetByTemporal(at * 1000, zone));
      }),
      { numRuns: 5000 },
    );
  });

  it("changes at the very second when clocks change", () => {
    for (const zone of zones.slice(1)) {
      const offset = openZoneOffset(zone);
      let change = Temporal.Instant.from("2009-01-01T00:00:00Z").toZonedDateTimeISO(zone).getTimeZoneTransition("next");
      for (let count = 0; change !== null && count < 12; count++) {
        for (const shift of [-1000, -1, 0, 1000]) {
          const at = change.epochMilliseconds + shift;
          expect(offset(at), `${zone} ${new Date(at).toISOString()}`).toBe(offsetByTemporal(at, zone));
        }
        change = change.getTimeZoneTransition("next");
      }
    }
  });

  it("knows offsets of whole seconds, as Liberia had until 1972", () => {
    expect(openZoneOffset("Africa/Monrovia")(Date.UTC(1971, 0, 1))).toBe(-(44 * 60 + 30) * 1000);
  });

  it("refuses a zone that does not exist", () => {
    expect(() => openZoneOffset("Europe/Atlantis")).toThrow(RangeError);
  });
});
