/**
 * Lines with colours of our own, told apart from whatever a name from outside brings: a style is a
 * mark with a secret of this process in it, and becomes a colour only in `paintLine`, which writes
 * everything else out.
 */
import { randomBytes } from "node:crypto";
import { escapeUnprintable } from "../runtime/printable-text.ts";

/** Nothing outside can know it, so that nothing outside can forge a mark. It is never printed. */
const secret = randomBytes(16).toString("hex");
const mark = new RegExp(`\\u0001${secret}:([0-9;]+)\\u0002`, "g");
/** Set graphics rendition, the one control sequence that a style may be. */
const renditions = /\p{Cc}\[([0-9;]+)m/gu;

/**
 * `text` with a style, given as the terminal's own sequences before and after it; nothing but
 * colours and weights gets through.
 */
export function markStyle(before: string, text: string, after: string): string {
  return toMarks(before) + text + toMarks(after);
}

function toMarks(sequences: string): string {
  return [...sequences.matchAll(renditions)].map(([, codes]) => `\u0001${secret}:${codes}\u0002`).join("");
}

/** The line as a terminal may have it: our own styles as colours, everything else printable. */
export function paintLine(line: string): string {
  let painted = "";
  let end = 0;
  for (const found of line.matchAll(mark)) {
    painted += `${escapeUnprintable(line.slice(end, found.index))}\u001b[${found[1]}m`;
    end = found.index + found[0].length;
  }
  return painted + escapeUnprintable(line.slice(end));
}

/** The line printable, with its styles still marks: for what is measured before it is painted. */
export function escapeLine(line: string): string {
  return line
    .split(mark)
    .map((part, index) => (index % 2 === 0 ? escapeUnprintable(part) : `\u0001${secret}:${part}\u0002`))
    .join("");
}

/** The line without its styles. */
export function withoutStyles(line: string): string {
  return line.replace(mark, "");
}
