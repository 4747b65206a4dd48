/**
 * Text from outside (names, messages of servers and tools, documents of a vault) made harmless for
 * whatever shows it.
 */

/**
 * What no name or message may hold where it is shown: control characters (C0, DEL, C1), line and
 * paragraph separators, marks that turn the direction of writing, characters that take no room
 * (zero width, soft hyphens, fillers, tag characters, the byte order mark), annotation marks and
 * halves of surrogate pairs. The variation selectors U+FE00 to U+FE0F stay: emoji are written with
 * them.
 */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}\ufff9-\ufffb]|(?![\ufe00-\ufe0f])\p{Default_Ignorable_Code_Point}/gu;

const named: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * `text` on one line, with everything that a terminal or a reader's eye would obey written out:
 * `\n`, `\x1b`, `\u202e`, `\u{e0041}`. Two names that differ still look different. What is
 * printable stays as it is, so that doing it twice changes nothing.
 */
export function escapeUnprintable(text: string): string {
  return text.replace(unprintable, (character) => named[character] ?? escapeCode(character));
}

/**
 * `text` with `replacement` for each such character; tabs and newlines stay. For documents that
 * have no escapes.
 */
export function replaceUnprintable(text: string, replacement: string): string {
  return text.replace(unprintable, (character) => (character === "\n" || character === "\t" ? character : replacement));
}

/**
 * The document as indented JSON that a terminal shows without obeying: what JSON itself leaves raw
 * is written as `\uXXXX`.
 */
export function printableJson(document: unknown): string {
  // Raw newlines are those of the indentation: within a string JSON has escaped them.
  return (JSON.stringify(document, null, 2) ?? "null").replace(unprintable, (character) =>
    character === "\n" ? character : Array.from({ length: character.length }, (_, at) => unicodeEscape(character, at)).join(""),
  );
}

function escapeCode(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const digits = code.toString(16);
  if (code <= 0xff) return `\\x${digits.padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${digits.padStart(4, "0")}` : `\\u{${digits}}`;
}

function unicodeEscape(text: string, at: number): string {
  return `\\u${text.charCodeAt(at).toString(16).padStart(4, "0")}`;
}
