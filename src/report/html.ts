/** HTML by template: whatever is put in is escaped, unless it is HTML that was made here. */
import { replaceUnprintable } from "../runtime/printable-text.ts";

/** A piece of HTML that needs no escaping. Made by `html` alone. */
export interface Html {
  readonly markup: string;
}

type Content = Html | string | number | null | undefined | readonly Content[];

/**
 * `html\`<td>${name}</td>\``: strings and numbers are escaped for text and for quoted attributes,
 * lists are joined, and what is null or undefined leaves nothing.
 */
export function html(strings: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return { markup: strings.reduce((markup, string, index) => markup + render(contents[index - 1]) + string) };
}

function render(content: Content): string {
  if (content === null || content === undefined) return "";
  if (typeof content === "string" || typeof content === "number") return escapeHtml(`${content}`);
  return isList(content) ? content.map(render).join("") : content.markup;
}

function isList(content: Html | readonly Content[]): content is readonly Content[] {
  return Array.isArray(content);
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/**
 * Text made safe for HTML's text and quoted attributes. Characters that HTML forbids, and those
 * that make a name read as another (marks that turn the direction of writing, characters that take
 * no room), show as U+FFFD.
 */
export function escapeHtml(text: string): string {
  return replaceUnprintable(text, "\ufffd").replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
