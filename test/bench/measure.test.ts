import { describe, expect, it } from "vitest";
import { type Contender, measure, median, pipeline, takeTurns } from "../../bench/measure.ts";
import { renderComparison, renderFigure, renderMargin } from "../../bench/table.ts";

const seconds = (...values: number[]) => values.map((value) => ({ seconds: value }));

describe("measuring", () => {
  it("takes the middle value, or the mean of the two in the middle", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(() => median([])).toThrow();
  });

  it("lets the contenders take turns, another one first each time", async () => {
    const order: string[] = [];
    const contender = (name: string): Contender => ({
      name,
      prepare: () => Promise.resolve(void order.push(`prepare ${name}`)),
      run: () => Promise.resolve({ seconds: order.push(name) }),
    });
    const results = await takeTurns([contender("a"), contender("b")], 2, () => {});
    expect(order).toEqual(["prepare a", "a", "prepare b", "b", "prepare b", "b", "prepare a", "a"]);
    expect(results.get("a")).toEqual(seconds(2, 8));
  });

  it("fails when any part of a pipeline fails, in its own words", async () => {
    await expect(measure(pipeline("echo broken >&2; false | cat", []))).rejects.toThrow(/ended with 1: broken/);
  });

  it("tells time and peak memory of the process itself", async () => {
    const script = "const held = Buffer.alloc(150_000_000, 1); setTimeout(() => held.at(0), 200)";
    const { seconds: taken, peakBytes } = await measure({ command: process.execPath, args: ["-e", script] });
    expect(taken).toBeGreaterThan(0.2);
    if (process.platform === "linux") expect(peakBytes).toBeGreaterThan(150_000_000);
  });
});

describe("the table", () => {
  it("shows medians, spread, ratios and aims", () => {
    const results = new Map([
      ["Holdfast backup", seconds(6, 5, 7)],
      ["bare", seconds(5, 4, 6)],
      ["shell", seconds(12)],
    ]);
    expect(renderComparison({ title: "Backup", results, aims: { bare: 1.25, shell: 0.4 } }).split("\n")).toEqual([
      "Backup",
      "  Holdfast backup     6.00 s  (5.00 to 7.00)",
      "  bare                5.00 s  (4.00 to 6.00)  Holdfast takes 1.20 x (aim: at most 1.25 x: met)",
      "  shell              12.00 s  (12.00 to 12.00)  Holdfast takes 0.50 x (aim: at most 0.4 x: MISSED)",
    ]);
  });

  it("subtracts the small from the large for the margin", () => {
    const small = new Map([
      ["own", seconds(2)],
      ["bare", seconds(1)],
    ]);
    const large = new Map([
      ["own", seconds(8)],
      ["bare", seconds(6)],
    ]);
    expect(renderMargin("Margin", small, large, { bare: 1.1 })).toContain(
      "5.00 s  (5.00 to 5.00)  Holdfast takes 1.20 x (aim: at most 1.1 x: MISSED)",
    );
  });

  it("compares a figure with its aim", () => {
    expect(renderFigure("peak", 150, "MiB", 200)).toMatch(/150\.0 MiB {2}\(aim: under 200 MiB: met\)/);
    expect(renderFigure("start", 301, "ms", 300)).toMatch(/301 ms {2}\(aim: under 300 ms: MISSED\)/);
  });
});
