/**
 * The text of globals.sql: pg_dumpall writes it in the encoding of the database that it connects
 * to; Holdfast keeps it as UTF-8.
 */
import { markRawBytes, unmarkRawBytes } from "../connection/raw-names.ts";
import { decodeStatement } from "../script/script-text.ts";

const declaration = /^SET client_encoding = '([^']+)';$/m;

/**
 * What pg_dumpall wrote, as text. Where the server passes on any bytes (SQL_ASCII), those that are
 * not UTF-8 keep a mark each (raw-names.ts), and
 * `encodeGlobals` gives them back as they were.
 */
export function decodeGlobals(bytes: Buffer): string {
  const script = bytes.toString("latin1");
  const encoding = declaration.exec(script)?.[1] ?? "UTF8";
  const text = decodeStatement(script, encoding);
  const passesOn = encoding === "SQL_ASCII" || encoding === "MULE_INTERNAL";
  return passesOn ? text : text.replace(declaration, "SET client_encoding = 'UTF8';");
}

/** As it is stored. */
export function encodeGlobals(text: string): Buffer {
  return unmarkRawBytes(text);
}

/** As it was stored. */
export function readGlobals(stored: Buffer): string {
  return markRawBytes(stored).toString("utf8");
}
