/**
 * Names that are not UTF-8, as SQL_ASCII databases may have them. In this process such a byte is
 * one character of Unicode's private use area (U+F780 to U+F7FF): names keep their bytes on the way
 * to the server, and two names never fall together.
 */
import { isUtf8 } from "node:buffer";

const firstMark = 0xf700;
const mark = /[\uf780-\uf7ff]/;
const marks = /[\uf780-\uf7ff]/g;

/**
 * A value of the server as UTF-8, with a mark for every byte that is not ASCII where the value is
 * not UTF-8.
 */
export function markRawBytes(value: Buffer): Buffer {
  if (isUtf8(value) && !mark.test(value.toString("utf8"))) return value;
  const text = value.toString("latin1").replaceAll(/[\x80-\xff]/g, (byte) => String.fromCharCode(firstMark + byte.charCodeAt(0)));
  return Buffer.from(text, "utf8");
}

/** A statement as it is sent to the server: every mark is the byte that it stands for. */
export function unmarkRawBytes(text: string): Buffer {
  if (!mark.test(text)) return Buffer.from(text, "utf8");
  const bytes: Buffer[] = [];
  let from = 0;
  for (const { index } of text.matchAll(marks)) {
    bytes.push(Buffer.from(text.slice(from, index), "utf8"), Buffer.from([text.charCodeAt(index) - firstMark]));
    from = index + 1;
  }
  return Buffer.concat([...bytes, Buffer.from(text.slice(from), "utf8")]);
}

/**
 * A name for people, spelled as digests spell it: with one character a byte where it is not UTF-8.
 */
export function showRawName(name: string): string {
  return mark.test(name) ? unmarkRawBytes(name).toString("latin1") : name;
}
