/**
 * Patterns that name files, checked as far as their form goes. The engine compiles them; nothing
 * that it accepts is refused here.
 */
import type { Parsed } from "../../parsed.ts";
import { emptyOrControl } from "../../patterns.ts";
import { showValue } from "../../secret-text.ts";

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
