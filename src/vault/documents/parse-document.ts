/**
 * Parses a document of the vault as hostile input: anyone who can write to the vault chose its
 * bytes. Everything that could cost memory, the stack or a second meaning is refused before
 * JSON.parse sees it, and without recursion.
 */
import { maxDocumentDepth } from "./canonical-json.ts";

/**
 * Values in one document: some hundred thousand tables with their columns. Each costs some 50 bytes
 * once it is parsed.
 */
const maxValues = 5_000_000;
/** UTF-8 bytes in one name or text: a tool's whole error output is shorter. */
const maxTextBytes = 4 * 1024 * 1024;

export type ParsedDocument =
  | { readonly value: unknown; readonly problem?: never }
  /** Completes "<key> …": `is not JSON`. */
  | { readonly problem: string };

/**
 * The value of a document's bytes, or what is wrong with them: no or half a text, no UTF-8, a byte
 * order mark, nested too deeply, too many values, a text or number out of range, a member that is
 * there twice. Never throws.
 */
export function parseDocument(bytes: Uint8Array): ParsedDocument {
  if (bytes.length === 0) return { problem: "is not JSON: it is empty" };
  const counted = countTokens(bytes);
  if (typeof counted === "string") return { problem: counted };
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return { problem: "is not JSON" };
  }
  const members = countMembers(value);
  if (typeof members === "string") return { problem: members };
  return members === counted.members ? { value } : { problem: "is not in canonical form: it names a member twice" };
}

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openList, closeList, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Counts members by their colons, or says which limit is exceeded. What is not JSON at all is found
 * by JSON.parse afterwards.
 */
function countTokens(bytes: Uint8Array): { readonly members: number } | string {
  let [depth, values, members, textStart] = [0, 0, 0, -1];
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (textStart >= 0) {
      if (byte === backslash) at += 1;
      else if (byte === quote) textStart = -1;
      if (textStart >= 0 && at - textStart > maxTextBytes) return `holds a text of more than ${maxTextBytes} bytes`;
      continue;
    }
    if (byte === quote) textStart = at;
    else if (byte === comma) values += 1;
    else if (byte === colon) members += 1;
    else if (byte === openList || byte === openObject) {
      depth += 1;
      values += 1;
      if (depth > maxDocumentDepth) return `is nested more than ${maxDocumentDepth} levels deep`;
    } else if (byte === closeList || byte === closeObject) depth -= 1;
    if (values > maxValues) return `holds more than ${maxValues} values`;
  }
  return { members };
}

/**
 * Counts the members of all objects in the value; a name that stood there twice is counted once.
 */
function countMembers(root: unknown): number | string {
  let members = 0;
  const open: unknown[] = [root];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value === "number" && !Number.isFinite(value)) return "holds a number out of range";
    if (typeof value !== "object" || value === null) continue;
    const below: readonly unknown[] = Object.values(value);
    if (!Array.isArray(value)) members += below.length;
    for (const each of below) open.push(each);
  }
  return members;
}
