/**
 * Patterns that name tables and files, checked as far as their form goes. The engines compile them and know what they
 * match; nothing that an engine accepts is refused here.
 */
import type { Parsed } from "./parsed.ts";
import { showValue } from "./secret-text.ts";

/** A pattern of tables: `schema.table`, either part with `*` and `?`; in double quotes a dot or a capital is itself. Without a schema, `public` is meant. */
export function parseTablePattern(text: string): Parsed<string> {
  const problem = emptyOrControl(text);
  if (problem !== undefined) return { problem };
  const unquoted = text.replaceAll(/"(?:[^"]|"")*"/g, "q");
  if (unquoted.includes('"')) return { problem: `${showValue(text)} opens a double quote and does not close it` };
  const parts = unquoted.split(".");
  if (parts.length > 2)
    return { problem: `${showValue(text)} has more than two parts; write schema.table, a name with a dot in double quotes` };
  if (parts.includes("")) return { problem: `${showValue(text)} is not a pattern such as public.sessions` };
  return { value: text };
}

/** A pattern of files beneath the source's path, with `*`, `?`, `[…]` and `**`. */
export function parseFilePattern(text: string): Parsed<string> {
  const problem = emptyOrControl(text);
  if (problem !== undefined) return { problem };
  const shown = showValue(text);
  if (text.startsWith("!")) return { problem: `${shown} is negated; name what is left out under exclude` };
  if (/^~\//.test(text)) return { problem: `${shown} begins with ~/; patterns are relative to the source's path` };
  const parts = text.replace(/^\//, "").replace(/\/$/, "").split("/");
  if (parts.includes("..") || parts.includes("."))
    return { problem: `${shown} holds "." or ".."; patterns are relative to the source's path` };
  if (parts.includes("")) return { problem: `${shown} has an empty name between its slashes` };
  const crowded = parts.find((part) => part !== "**" && part.includes("**") && !/[\\[]/.test(part));
  if (crowded !== undefined)
    return { problem: `${shown} has ** beside other characters; it stands alone between slashes, as in uploads/**` };
  return { value: text };
}

function emptyOrControl(text: string): string | undefined {
  if (text.trim() === "") return "a pattern is missing";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  return /[\u0000-\u001f\u007f]/.test(text) ? `${showValue(text)} holds a control character` : undefined;
}
