/** Comments of at most 100 columns: wider ones are wrapped, without a changed word. */
import { linesInTemplates } from "./template-lines.ts";

/** A line that a reader takes in at a glance; code may be wider (biome.json). */
export const maxColumns = 100;
/** A line shorter than this was ended on purpose: the next one does not move up. */
const fullColumns = 76;

/**
 * Lines that are not running text: lists, tables, tags, headings of facts, code, and instructions
 * to tools.
 */
const keptLine = /^(?:$|\s|[-*|+>#@]|\d+[.)] |```|biome-ignore|eslint|@ts-|v8 ignore|language=|<)|\S {2,}\S/;
/** Lines that begin a paragraph of their own. */
const opening = /^(?:Errors?|Returns|Throws|Input|Default|Example|Usage|See|With|Without)\b.*?:|^`/;

/**
 * The text with its wide comments wrapped. Words, their order and everything that is not a comment
 * stay as they are.
 */
export function wrapComments(text: string): string {
  const lines = text.split("\n");
  const inTemplate = linesInTemplates(text);
  const wrapped: string[] = [];
  for (let at = 0; at < lines.length; ) {
    const length = inTemplate.has(at) ? 0 : blockLength(lines, at);
    if (length === 0) wrapped.push(lines[at++] as string);
    else {
      wrapped.push(...wrapBlock(lines.slice(at, at + length)));
      at += length;
    }
  }
  return wrapped.join("\n");
}

/**
 * How many lines the comment has that begins here: of `//` lines that stand together, or of one
 * JSDoc block; 0 when none does.
 */
function blockLength(lines: readonly string[], from: number): number {
  const first = lines[from] ?? "";
  const [, indent = ""] = /^(\s*)/.exec(first) ?? [];
  if (first.startsWith(`${indent}// `)) {
    let to = from;
    while (lines[to]?.startsWith(`${indent}// `)) to++;
    return to - from;
  }
  if (!first.startsWith(`${indent}/**`)) return 0;
  for (let to = from; to < lines.length; to++) {
    const line = lines[to] as string;
    if (line.trimEnd().endsWith("*/")) return to - from + 1;
    if (to > from && !line.startsWith(`${indent} *`)) return 0;
    // Code behind the comment's end is not for wrapping.
    if (line.includes("*/")) return 0;
  }
  return 0;
}

function wrapBlock(block: readonly string[]): readonly string[] {
  if (block.every((line) => line.length <= maxColumns)) return block;
  const [, indent = ""] = /^(\s*)/.exec(block[0] ?? "") ?? [];
  if (block[0]?.startsWith(`${indent}//`))
    return wrapText(
      block.map((line) => line.slice(indent.length + 3)),
      `${indent}// `,
    );
  const inside = block.map((line, index) => {
    const whole = index === block.length - 1 ? line.trimEnd().slice(0, -"*/".length) : line;
    return whole
      .slice(indent.length + (index === 0 ? 3 : 2))
      .replace(/^ /, "")
      .trimEnd();
  });
  const text = inside.filter((line, index) => line !== "" || (index > 0 && index < inside.length - 1));
  return [`${indent}/**`, ...wrapText(text, `${indent} * `).map((line) => line.trimEnd()), `${indent} */`];
}

/** Wraps from each wide line on, as far as the lines after it were full. */
function wrapText(lines: readonly string[], prefix: string): string[] {
  const width = maxColumns - prefix.length;
  const done: string[] = [];
  let carried = "";
  for (const line of lines) {
    if (carried !== "" && (keptLine.test(line) || opening.test(line))) {
      done.push(carried);
      carried = "";
    }
    const text = carried === "" ? line : `${carried} ${line}`;
    carried = "";
    if (text.length <= width && text === line) done.push(line);
    else if (keptLine.test(text)) done.push(...fill(text, width, hanging(text)));
    else {
      const filled = fill(text, width, "");
      const last = filled.pop() ?? "";
      done.push(...filled);
      if (line.length + prefix.length >= fullColumns) carried = last;
      else done.push(last);
    }
  }
  return (carried === "" ? done : [...done, carried]).map((line) => prefix + line);
}

/**
 * An item of a list goes on below its text; what is for a tool, or is laid out in columns, is not
 * wrapped.
 */
function hanging(text: string): string | undefined {
  const [, mark] = /^([-*+] |\d+[.)] |@\w+ )/.exec(text) ?? [];
  return mark === undefined ? undefined : mark.startsWith("@") ? "  " : " ".repeat(mark.length);
}

/** A word; what stands in backticks is one, however many it has. */
const unbroken = /(?:[^\s`]|`[^`]*`|`)+/g;

function fill(text: string, width: number, indent: string | undefined): string[] {
  if (indent === undefined) return [text];
  const lines: string[] = [];
  let line = "";
  for (const word of text.match(unbroken) ?? []) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (longer.length <= width || line.trim() === "") line = longer;
    else {
      lines.push(line);
      line = indent + word;
    }
  }
  return [...lines, line];
}
