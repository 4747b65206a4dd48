/**
 * Texts of foreign origin brought into the form that a channel takes: one line, within a limit,
 * never a broken character.
 */
import { escapeUnprintable } from "../runtime/printable-text.ts";

/**
 * `text` within `limit` UTF-16 code units (the strictest way a receiver may count); an ellipsis
 * says that something is missing.
 */
export function cutText(text: string, limit: number): string {
  const whole = text.toWellFormed();
  if (whole.length <= limit) return whole;
  return `${withoutHalf(whole.slice(0, Math.max(0, limit - 1)))}…`;
}

/**
 * Control characters and line breaks as single spaces; a tool's colours and cursor movements must
 * not reach a terminal or a mail. What a reader cannot see, or would read backwards because of it,
 * is written out.
 */
export function oneLine(text: string): string {
  const words = text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
    .replace(/\u001b\[[0-?]*[ -/]*[@-~]/g, "")
    .replace(/[\p{Cc}\u2028\u2029]+/gu, " ");
  return escapeUnprintable(words.toWellFormed()).trim();
}

/**
 * The ASCII that is nearest to `text`: accents are taken off, what has no likeness becomes a
 * question mark.
 */
export function toAscii(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .replace(/[\u2010-\u2015]/g, "-")
    .replace(/[^\x20-\x7e]/gu, "?");
}

function withoutHalf(text: string): string {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff ? text.slice(0, -1) : text;
}
