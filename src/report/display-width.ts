/** How many columns of a terminal a text takes, and texts made safe for one. */
import { stripVTControlCharacters } from "node:util";

/** Scripts whose characters take two columns (Unicode's East Asian Width W and F, in coarse blocks). */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}]/u;
const emoji = /\p{Emoji_Presentation}|\ufe0f/u;
const invisible = /^[\p{Mark}\p{Default_Ignorable_Code_Point}]*$/u;

let segmenter: Intl.Segmenter | undefined;

/** Columns that `text` takes: colours none, a grapheme of a wide script or an emoji two, any other one. */
export function displayWidth(text: string): number {
  const plain = stripVTControlCharacters(text);
  if (/^[\x20-\x7e]*$/.test(plain)) return plain.length;
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  let width = 0;
  for (const { segment } of segmenter.segment(plain))
    width += invisible.test(segment) ? 0 : wide.test(segment) || emoji.test(segment) ? 2 : 1;
  return width;
}

// A colour that the command line added itself (SGR), or a control character that came with a name from outside.
const colourOrControl = /(\p{Cc}\[[0-9;]*m)|[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/**
 * `text` on one line, without anything that a terminal would obey but colours: control characters, among them escapes, tabs and newlines,
 * and marks that turn the direction of writing show as `?`. A table may be called anything.
 */
export function neutraliseControls(text: string): string {
  return text.replace(colourOrControl, (_, colour: string | undefined) => {
    if (colour === undefined) return "?";
    return colour.startsWith("\u001b") ? colour : `?${colour.slice(1)}`;
  });
}
