/**
 * Patterns that name tables, checked as far as their form goes. The engine compiles them; nothing
 * that it accepts is refused here.
 */
import type { Parsed } from "../../parsed.ts";
import { emptyOrControl } from "../../patterns.ts";
import { showValue } from "../../secret-text.ts";

/**
 * A pattern of tables: `schema.table`, either part with `*` and `?`; in double quotes a dot or a
 * capital is itself. Without a schema, `public` is meant.
 */
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
