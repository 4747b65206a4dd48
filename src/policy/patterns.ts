/** What no pattern may be, in whatever notation. */
import { showValue } from "./secret-text.ts";

/** The problem of a text that is empty or holds a control character; undefined for any other. */
export function emptyOrControl(text: string): string | undefined {
  if (text.trim() === "") return "a pattern is missing";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  return /[\u0000-\u001f\u007f]/.test(text) ? `${showValue(text)} holds a control character` : undefined;
}
