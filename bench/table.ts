/** The bench's table: medians, spread, ratios and aims. */
import { type Measurement, median } from "./measure.ts";

export interface Comparison {
  readonly title: string;
  readonly results: ReadonlyMap<string, readonly Measurement[]>;
  /** What ratios are of: the first contender against each other one. */
  readonly aims: Readonly<Record<string, number>>;
}

/**
 * Lines for people: the first contender is Holdfast, each other one gets the ratio of the medians
 * and, where there is one, the aim.
 */
export function renderComparison({ title, results, aims }: Comparison): string {
  const [first] = results.values();
  const own = median((first ?? []).map(({ seconds }) => seconds));
  const width = Math.max(...[...results.keys()].map((name) => name.length));
  const lines = [...results].map(([name, measurements], index) => {
    const seconds = measurements.map((measurement) => measurement.seconds);
    const middle = median(seconds);
    const spread = `${Math.min(...seconds).toFixed(2)} to ${Math.max(...seconds).toFixed(2)}`;
    const ratio = index === 0 ? "" : `  Holdfast takes ${(own / middle).toFixed(2)} x${verdict(own / middle, aims[name])}`;
    return `  ${name.padEnd(width)}  ${middle.toFixed(2).padStart(7)} s  (${spread})${ratio}`;
  });
  return [title, ...lines].join("\n");
}

/**
 * As `renderComparison`, of the differences between a large and a small database: what a byte more
 * costs, without starts and ends.
 */
export function renderMargin(
  title: string,
  small: Comparison["results"],
  large: Comparison["results"],
  aims: Comparison["aims"],
): string {
  const margins = new Map<string, readonly Measurement[]>();
  for (const [name, measurements] of large) {
    const middle = (list: readonly Measurement[]): number => median(list.map(({ seconds }) => seconds));
    margins.set(name, [{ seconds: middle(measurements) - middle(small.get(name) ?? measurements) }]);
  }
  return renderComparison({ title, results: margins, aims });
}

/** One figure against its aim. */
export function renderFigure(name: string, value: number, unit: string, aim: number): string {
  return `  ${name.padEnd(44)}  ${value.toFixed(unit === "ms" ? 0 : 1).padStart(7)} ${unit}  (aim: under ${aim} ${unit}: ${value < aim ? "met" : "MISSED"})`;
}

function verdict(ratio: number, aim: number | undefined): string {
  if (aim === undefined) return "";
  return ` (aim: at most ${aim} x: ${ratio <= aim ? "met" : "MISSED"})`;
}

export const mebibytes = (bytes: number): number => bytes / 1024 / 1024;
