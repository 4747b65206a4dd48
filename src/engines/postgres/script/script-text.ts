/** The encoding of a script's names: the splitter hands out bytes, people read text. */
import { markRawBytes } from "../connection/raw-names.ts";

/**
 * PostgreSQL's names of encodings that are not UTF-8, as the web's decoders call them; what is
 * missing is shown as latin1.
 */
const decoders: Readonly<Record<string, string>> = {
  LATIN1: "windows-1252",
  LATIN2: "iso-8859-2",
  LATIN9: "iso-8859-15",
  WIN1250: "windows-1250",
  WIN1251: "windows-1251",
  WIN1252: "windows-1252",
  KOI8R: "koi8-r",
  EUC_JP: "euc-jp",
  EUC_KR: "euc-kr",
  EUC_CN: "gb2312",
};

/**
 * Turns the bytes in a latin1 string into text, under the encoding that the script declared
 * (`SET client_encoding`).
 */
export function decodeName(bytes: string, encoding: string): string {
  if (/^[\x20-\x7e]*$/.test(bytes)) return bytes;
  const label = encoding === "UTF8" || encoding === "SQL_ASCII" ? "utf-8" : (decoders[encoding] ?? "latin1");
  try {
    return new TextDecoder(label, { fatal: true, ignoreBOM: true }).decode(Buffer.from(bytes, "latin1"));
  } catch {
    // Bytes that are no text in that encoding: one character each keeps different names apart.
    return bytes;
  }
}

/**
 * A statement to be run again: as `decodeName`, but where the server passes on any bytes, those
 * that are not UTF-8 keep a mark each (raw-names.ts).
 */
export function decodeStatement(bytes: string, encoding: string): string {
  const raw = encoding === "SQL_ASCII" || encoding === "MULE_INTERNAL";
  if (raw) return markRawBytes(Buffer.from(bytes, "latin1")).toString("utf8");
  // The web's decoder of this name takes some control characters for others.
  return encoding === "LATIN1" ? bytes : decodeName(bytes, encoding);
}

/** The encoding that `SET client_encoding = 'X'` declares; undefined for any other statement. */
export function readEncoding(statement: string): string | undefined {
  return /^SET client_encoding = '([^']+)'$/.exec(statement)?.[1];
}
