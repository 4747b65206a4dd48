/** How many columns of a terminal a text takes. */
import { withoutStyles } from "./styled-text.ts";

/**
 * Scripts whose characters take two columns (Unicode's East Asian Width W and F, in coarse blocks).
 */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}]/u;
const emoji = /\p{Emoji_Presentation}|\ufe0f/u;
const invisible = /^[\p{Mark}\p{Default_Ignorable_Code_Point}]*$/u;

let segmenter: Intl.Segmenter | undefined;

/**
 * Columns that a printable `text` takes: styles none, a grapheme of a wide script or an emoji two,
 * any other one.
 */
export function displayWidth(text: string): number {
  const plain = withoutStyles(text);
  if (isAscii(plain)) return plain.length;
  let width = 0;
  for (const grapheme of graphemesOf(plain)) width += columnsOf(grapheme);
  return width;
}

/**
 * The beginning of a printable text that has no styles, as long as it fits into `columns`. Never
 * cuts through a grapheme.
 */
export function cutToWidth(text: string, columns: number): string {
  if (isAscii(text)) return text.slice(0, columns);
  let width = 0;
  let end = 0;
  for (const grapheme of graphemesOf(text)) {
    width += columnsOf(grapheme);
    if (width > columns) break;
    end += grapheme.length;
  }
  return text.slice(0, end);
}

function isAscii(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}

function* graphemesOf(text: string): Generator<string> {
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  for (const { segment } of segmenter.segment(text)) yield segment;
}

function columnsOf(grapheme: string): number {
  if (invisible.test(grapheme)) return 0;
  return wide.test(grapheme) || emoji.test(grapheme) ? 2 : 1;
}
