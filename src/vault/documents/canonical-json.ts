/**
 * Canonical JSON (RFC 8785): one value has exactly one sequence of bytes, so that a checksum can
 * stand for it.
 */
import { createHash } from "node:crypto";
import { HoldfastError } from "../../errors/holdfast-error.ts";

/**
 * How deeply lists and objects of a document may be nested; what Holdfast writes itself has some
 * ten levels.
 */
export const maxDocumentDepth = 64;

/**
 * `value` as canonical JSON in UTF-8: keys sorted by UTF-16 code units, no spaces, numbers and
 * strings as ECMAScript writes them. Properties whose value is undefined are left out. One
 * deviation from RFC 8785: lone surrogates are escaped (`\ud800`) instead of refused, so that an
 * odd name cannot cost a backup. Errors: Internal for what JSON cannot say (NaN, functions,
 * bigints, cycles) and for what is nested more deeply than a reader takes.
 */
export function canonicalJson(value: unknown): Uint8Array {
  return Buffer.from(serialize(value, []));
}

/** SHA-256 of `bytes`, as 64 lower-case hex digits. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function serialize(value: unknown, parents: readonly object[]): string {
  if (value === null || typeof value === "boolean" || typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw refuse(`the number ${value}`);
    return JSON.stringify(value);
  }
  if (typeof value !== "object") throw refuse(`a ${typeof value}`);
  if (parents.includes(value)) throw refuse("a cycle");
  if (parents.length >= maxDocumentDepth) throw refuse(`more than ${maxDocumentDepth} levels`);
  const ancestry = [...parents, value];
  if (Array.isArray(value)) return `[${value.map((item: unknown) => serialize(item, ancestry)).join(",")}]`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw refuse(`a ${value.constructor.name}`);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${serialize(member, ancestry)}`);
  return `{${members.join(",")}}`;
}

function refuse(what: string): HoldfastError {
  return new HoldfastError("Internal", `canonical JSON cannot hold ${what}`);
}
