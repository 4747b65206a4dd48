/** Where template literals are in a source text: what looks like a comment there is none. */

/** What a `/` stands behind that begins a regular expression. */
const beforeRegex = /(?:^|[(,=:[!&|?{};+\-*%~^<>\n]|\b(?:return|typeof|case|of|in|await|yield))\s*$/;
const regex = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\//y;
const quoted = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/y;

/** The lines, counted from 0, that begin within a template literal. */
export function linesInTemplates(text: string): ReadonlySet<number> {
  const found = new Set<number>();
  /**
   * For each open template, innermost last, how many braces are open in the `${` that is being
   * read.
   */
  const templates: number[] = [];
  let inText = false;
  let line = 0;
  for (let at = 0; at < text.length; ) {
    const end = tokenEnd(text, at, inText);
    const token = text.slice(at, end);
    const isText = inText;
    if (token === "`") {
      if (inText) templates.pop();
      else templates.push(0);
      inText = !inText;
    } else if (token === "${" && inText) {
      templates.push((templates.pop() ?? 0) + 1);
      inText = false;
    } else if (!inText && templates.length > 0 && (token === "{" || token === "}")) {
      const open = (templates.pop() ?? 0) + (token === "{" ? 1 : -1);
      templates.push(open);
      inText = open === 0;
    }
    for (const char of token) {
      if (char === "\n" && ++line > 0 && isText) found.add(line);
    }
    at = end;
  }
  return found;
}

/**
 * The end of what begins at `at`: a comment, a string or a regular expression as a whole, else a
 * character or two.
 */
function tokenEnd(text: string, at: number, inText: boolean): number {
  const char = text[at];
  if (inText) return at + (char === "\\" || text.startsWith("${", at) ? 2 : 1);
  if (char === '"' || char === "'") return matchEnd(quoted, text, at);
  if (text.startsWith("//", at)) return endOf(text.indexOf("\n", at), text);
  if (text.startsWith("/*", at)) return endOf(text.indexOf("*/", at + 2), text, 2);
  if (char === "/" && beforeRegex.test(text.slice(Math.max(0, at - 40), at))) return matchEnd(regex, text, at);
  return at + 1;
}

function matchEnd(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at + 1;
}

const endOf = (index: number, text: string, length = 0): number => (index < 0 ? text.length : index + length);
