/**
 * Looks at the policy's text before it is parsed: what YAML does not allow in it, and what a parser
 * would take too long for.
 */
import type { PlacedProblem } from "./problem.ts";

/** Characters; a policy of 1,000 sources has some 500,000. */
const maxCharacters = 1_000_000;
/** Lines; that policy has some 20,000. */
const maxLines = 60_000;
/** Brackets open at a time, counted without regard to quotes; the schema has 7 levels. */
const maxOpenBrackets = 200;
/** `- - -` in one line: lists in lists; the schema has none. */
const nestedLists = /(?:^|\n)[ \t]*(?:[-?:][ \t]+){50}/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: YAML allows no others of them (YAML 1.2.2, production [1] c-printable).
const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u0084\u0086-\u009f\ufffe\uffff]|(?!^)\ufeff|\r(?!\n)/;

/**
 * The problem that ends the reading of a text before it begins, or undefined. Takes time in
 * proportion to the text, at most.
 */
export function checkText(text: string): PlacedProblem | undefined {
  if (text.length > maxCharacters) return problem(`the file is larger than ${maxCharacters} characters; is it a policy?`, 0);
  const character = forbidden.exec(text);
  if (character !== null) return problem(describeForbidden(character[0], text), character.index);
  const nested = nestedLists.exec(text);
  if (nested !== null) return problem("this is nested too deeply", nested.index + (nested[0].startsWith("\n") ? 1 : 0));
  return checkCounts(text);
}

function problem(message: string, offset: number): PlacedProblem {
  return { path: [], message, offset };
}

function describeForbidden(character: string, text: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code === 0x0d)
    return "a carriage return ends a line only together with a line feed; save the file with LF or CRLF as line ends";
  if (code === 0xfeff) return "a byte order mark (U+FEFF) may only begin the file; take it out";
  // Every second character of a UTF-16 text of Latin letters.
  if (code === 0 && text.indexOf("\0", text.indexOf("\0") + 1) === text.indexOf("\0") + 2)
    return "the file looks like UTF-16; save it as UTF-8";
  return `the character U+${code.toString(16).toUpperCase().padStart(4, "0")} is not allowed in YAML; take it out, or write it as an escape in double quotes`;
}

function checkCounts(text: string): PlacedProblem | undefined {
  let [lines, open] = [1, 0];
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x0a:
        if (++lines > maxLines) return problem(`the file has more than ${maxLines} lines; is it a policy?`, at);
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (++open > maxOpenBrackets) return problem("this is nested too deeply", at);
        break;
      case 0x5d: // ]
      case 0x7d: // }
        open = Math.max(0, open - 1);
        break;
      default:
    }
  }
  return undefined;
}
