/**
 * Small line charts as inline SVG: how a figure went over time, for a reader who looks for a bend.
 */
import { type Html, html } from "./html.ts";

export interface ChartPoint {
  readonly at: Date;
  readonly value: number;
}

export interface Chart {
  readonly title: string;
  /** In any order. */
  readonly points: readonly ChartPoint[];
  format(value: number): string;
}

const width = 300;
const height = 70;
/** Room for the line's and the points' thickness. */
const margin = 4;
/** More points than this lie on each other; the newest are drawn. */
const maxPoints = 120;

/** The charts side by side; nothing for those of fewer than two points, which show no course. */
export function renderCharts(charts: readonly Chart[]): Html | null {
  const drawn = charts.filter(({ points }) => points.length >= 2);
  if (drawn.length === 0) return null;
  return html`<h3>Over time</h3>
<div class="charts">${drawn.map(renderChart)}</div>`;
}

function renderChart({ title, points, format }: Chart): Html {
  const ordered = points.toSorted((a, b) => a.at.getTime() - b.at.getTime()).slice(-maxPoints);
  const [first, last] = [ordered[0], ordered.at(-1)];
  if (first === undefined || last === undefined) return html``;
  const highest = ordered.reduce((most, { value }) => Math.max(most, value), 0);
  const caption = `${title}: ${format(last.value)} on ${dayOf(last.at)}, ${format(first.value)} on ${dayOf(first.at)}, at most ${format(highest)}`;
  const coordinates = placePoints(ordered, highest);
  return html`<figure><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${caption}">
<line x1="0" y1="${height - margin}" x2="${width}" y2="${height - margin}" class="axis"></line>
<polyline points="${coordinates.map(([x, y]) => `${x},${y}`).join(" ")}"></polyline>
${coordinates.map(([x, y]) => html`<circle cx="${x}" cy="${y}" r="2"></circle>`)}
</svg><figcaption>${caption}</figcaption></figure>
`;
}

/** From the first to the last in time, from 0 to the highest value. */
function placePoints(points: readonly ChartPoint[], highest: number): readonly (readonly [number, number])[] {
  const startMs = points[0]?.at.getTime() ?? 0;
  const spanMs = Math.max(1, (points.at(-1)?.at.getTime() ?? 0) - startMs);
  return points.map(({ at, value }) => [
    round(margin + ((at.getTime() - startMs) / spanMs) * (width - 2 * margin)),
    round(height - margin - (value / Math.max(highest, Number.MIN_VALUE)) * (height - 2 * margin)),
  ]);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function dayOf(at: Date): string {
  return Number.isNaN(at.getTime()) ? "an unknown day" : at.toISOString().slice(0, 10);
}
