/**
 * Says in plain words what is wrong with a text that is no YAML. The parser's own words can repeat
 * parts of the text.
 */
import { type Document, type ErrorCode, isScalar, visit } from "yaml";
import { findLineStarts, lineAt, type PlacedProblem } from "./problem.ts";

/** Problems shown at most: the first ones cause the others. */
const maxProblems = 20;

/** Errors looked at: a line can have thousands. */
const maxExamined = 200;

const words: Readonly<Partial<Record<ErrorCode, string>>> = {
  BAD_DIRECTIVE: "a line cannot start with % here; put a value that starts with % in quotes",
  BAD_DQ_ESCAPE: "in double quotes, \\ begins an escape sequence, and this one does not exist; write \\\\ or use single quotes",
  BAD_INDENT: "the indentation does not fit: all keys of one mapping start in the same column, below the key they belong to",
  BLOCK_AS_IMPLICIT_KEY: 'either a text holds ": " and needs quotes, or the next line is indented too far',
  BLOCK_IN_FLOW: "inside { } and [ ], entries are separated by commas, and nothing is nested by indentation",
  KEY_OVER_1024_CHARS: "a key is longer than 1024 characters",
  MULTILINE_IMPLICIT_KEY: 'a key and its value are written "key: value", with a colon and a space, on one line',
  MULTIPLE_ANCHORS: "a value can have one anchor only",
  MULTIPLE_DOCS: "a second document starts here; a policy is one document, so take the --- out",
  RESOURCE_EXHAUSTION: "this is nested too deeply",
  UNEXPECTED_TOKEN: "this does not belong here; look at the quotes, brackets and colons before it",
  TAB_AS_INDENT: "a tab cannot indent; use spaces",
};

/** One problem a line, with the position at which to fix it. */
export function explainYamlErrors(document: Document, text: string): PlacedProblem[] {
  const lineStarts = findLineStarts(text);
  const lines = new Set<number>();
  const problems: PlacedProblem[] = [];
  for (const error of document.errors.slice(0, maxExamined)) {
    const problem = explain(error.code, error.message, error.pos[0], document, text, lineStarts);
    const line = lineAt(lineStarts, problem.offset);
    if (!lines.has(line)) problems.push(problem);
    lines.add(line);
    if (problems.length === maxProblems) break;
  }
  return problems;
}

function explain(
  code: ErrorCode,
  raw: string,
  offset: number,
  document: Document,
  text: string,
  lineStarts: readonly number[],
): PlacedProblem {
  const star = findBareStar(offset, text, lineStarts);
  if (star !== undefined)
    return { path: [], message: 'a value that starts with * stands in quotes, such as "*/15 * * * *"', offset: star };
  if (code === "MISSING_CHAR" && raw.startsWith("Missing closing")) {
    return { path: [], message: "a quote is opened here and never closed", offset: findOpenQuote(document, offset) };
  }
  if (raw.startsWith("Block scalar header"))
    return { path: [], message: "nothing but a comment may stand behind | or > in its line", offset };
  if (code === "BAD_SCALAR_START")
    return { path: [], message: `a value cannot start with ${text[offset] ?? "this"}; put it in quotes`, offset };
  if (code === "BAD_INDENT" && raw.startsWith("Flow"))
    return { path: [], message: "a { or [ above is not closed before this line", offset: skipSpace(text, offset) };
  if (raw.includes("must be sufficiently indented") || /expected flow (map|sequence) to end/i.test(raw))
    return { path: [], message: "a { or [ is not closed", offset };
  // Behind the parser's first colon stands the text itself.
  const [statement = raw] = raw.split(": ");
  return {
    path: [],
    message: words[code] ?? `this is not YAML: ${statement.charAt(0).toLowerCase()}${statement.slice(1)}`,
    offset,
  };
}

/**
 * The offset of a `*` that begins a value in the error's line without quotes: cron's star, which
 * YAML takes for an alias.
 */
function findBareStar(offset: number, text: string, lineStarts: readonly number[]): number | undefined {
  const start = lineStarts[lineAt(lineStarts, offset)] ?? 0;
  const end = text.indexOf("\n", start);
  const match = /(?:^|[:[{,-])\s*\*(?=[\s/,\d]|$)/.exec(text.slice(start, end < 0 ? undefined : end));
  return match === null ? undefined : start + match.index + match[0].length - 1;
}

function findOpenQuote(document: Document, end: number): number {
  let offset = end;
  visit(document, {
    Scalar: (_, node) => {
      if (isScalar(node) && node.type?.startsWith("QUOTE") === true && node.range?.[1] === end) offset = node.range[0];
    },
  });
  return offset;
}

function skipSpace(text: string, offset: number): number {
  const rest = /^\s*/.exec(text.slice(offset))?.[0].length ?? 0;
  return offset + rest < text.length ? offset + rest : offset;
}
