import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderCharts } from "../../src/report/chart.ts";
import { formatBytes } from "../../src/report/format.ts";

const day = (number: number): Date => new Date(Date.UTC(2026, 10, number));
const chart = (values: readonly number[]) => ({
  title: "Stored size",
  points: values.map((value, index) => ({ at: day(index + 1), value })),
  format: formatBytes,
});

describe("renderCharts", () => {
  it("draws from the first to the last day and from 0 to the highest value, and says both in words", () => {
    const { markup = "" } = renderCharts([chart([0, 100, 50])]) ?? {};
    expect(markup).toContain('<polyline points="4,66 150,4 296,35"></polyline>');
    expect(markup).toContain("<figcaption>Stored size: 50 B on 2026-11-03, 0 B on 2026-11-01, at most 100 B</figcaption>");
  });

  it("shows nothing where there is no course to show", () => {
    expect(renderCharts([chart([]), chart([1])])).toBeNull();
  });

  it("stays within its frame whatever the figures are", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 53 - 1 }), { minLength: 2, maxLength: 300 }), (values) => {
        const { markup = "" } = renderCharts([chart(values)]) ?? {};
        const [, points = ""] = /points="([^"]*)"/.exec(markup) ?? [];
        const places = points.split(" ").map((place) => place.split(",").map(Number));
        expect(places.length).toBeLessThanOrEqual(120);
        for (const [x = -1, y = -1] of places) {
          expect(x).toBeGreaterThanOrEqual(0);
          expect(x).toBeLessThanOrEqual(300);
          expect(y).toBeGreaterThanOrEqual(0);
          expect(y).toBeLessThanOrEqual(70);
        }
      }),
    );
  });
});
