/** One thing that is wrong with a policy, and how all of them are shown. */
import { mayHoldSecret } from "./secret-text.ts";

export type PolicyPath = readonly (string | number)[];

/** What stands at a path: the value, or the key in front of it. */
export type Anchor = "value" | "key";

export interface Problem {
  /** Where in the policy; empty for the whole of it. */
  readonly path: PolicyPath;
  readonly message: string;
  /**
   * What the position points at; the nearest thing above that exists, when the path itself does
   * not.
   */
  readonly anchor: Anchor;
}

/** A problem with its place in the text, as an offset. */
export interface PlacedProblem {
  readonly path: PolicyPath;
  readonly message: string;
  readonly offset: number;
}

/** A path as people write it: `sources.taskmaster.restoreTest.assert[0].sql`. */
export function formatPath(path: PolicyPath): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (mayHoldSecret(part)) text += '["…"]';
    else if (/^[A-Za-z_][A-Za-z0-9_-]*$|^[a-z0-9-]+$/.test(part)) text += text === "" ? part : `.${part}`;
    else text += `[${JSON.stringify(part.slice(0, 60))}]`;
  }
  return text;
}

/** Problems shown: a person fixes the first ones and looks again. */
const maxShown = 100;

/**
 * The lines that name the problems, `file:line:column: path: message`, in the order of the text:
 * the first ones, and how many follow. Of several problems of one path and place only the first is
 * kept: what was found first explains the others.
 */
export function formatProblems(problems: readonly PlacedProblem[], fileName: string, text: string): string[] {
  const lineStarts = findLineStarts(text);
  // A byte order mark is no column.
  if (text.startsWith("\uFEFF")) lineStarts[0] = 1;
  const where = (offset: number) => {
    const line = lineAt(lineStarts, offset);
    return `${fileName}:${line + 1}:${Math.max(0, offset - (lineStarts[line] ?? 0)) + 1}`;
  };
  const seen = new Set<string>();
  const lines: string[] = [];
  const inOrder = problems.toSorted((a, b) => a.offset - b.offset);
  for (const [index, { path, message, offset }] of inOrder.entries()) {
    const name = formatPath(path);
    if (seen.has(`${offset} ${name}`)) continue;
    seen.add(`${offset} ${name}`);
    if (lines.length === maxShown) return [...lines, `${where(offset)}: and ${inOrder.length - index} more problems from here on`];
    lines.push(name === "" ? `${where(offset)}: ${message}` : `${where(offset)}: ${name}: ${message}`);
  }
  return lines;
}

/** The index of the line that the offset is in; `lineStarts` are those of findLineStarts. */
export function lineAt(lineStarts: readonly number[], offset: number): number {
  let [low, high] = [0, lineStarts.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((lineStarts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The offsets at which lines begin; the first begins at 0. */
export function findLineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}
