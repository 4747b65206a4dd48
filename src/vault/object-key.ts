/** Keys of objects: which are allowed, and in what order a listing gives them. */
import { HoldfastError } from "../errors/holdfast-error.ts";

/** S3's own limit on a key, in UTF-8 bytes. */
export const maxKeyBytes = 1024;
/**
 * The longest file name that common file systems take, in bytes; a key's segment is a file name in
 * a folder vault.
 */
const maxSegmentBytes = 255;
/** Where a folder vault keeps files that are still being written; never a key. */
export const partialDirectory = ".partial";

// Control characters are no part of any key of the layout, and XML listings cannot carry them.
const forbidden = /[\p{Cc}\\\ud800-\udfff]/u;

/**
 * Refuses a key that is not one of ours: empty, too long, with empty, `.` or `..` segments, control
 * characters, backslashes or lone surrogates, or inside the folder store's own directory. Errors:
 * VaultInvalid.
 */
export function assertKey(key: string): void {
  const problem = findProblem(key);
  if (problem !== undefined)
    throw new HoldfastError("VaultInvalid", `${JSON.stringify(key)} cannot be the key of an object: ${problem}`);
}

function findProblem(key: string): string | undefined {
  if (Buffer.byteLength(key) > maxKeyBytes) return `it is longer than ${maxKeyBytes} bytes`;
  if (forbidden.test(key)) return "it holds a control character, a backslash or half a character";
  const segments = key.split("/");
  if (segments.some((segment) => segment === "" || segment === "." || segment === ".."))
    return 'it has an empty, "." or ".." segment';
  if (segments.some((segment) => Buffer.byteLength(segment) > maxSegmentBytes)) {
    return `it has a segment longer than ${maxSegmentBytes} bytes`;
  }
  if (segments[0] === partialDirectory) return `${partialDirectory} is the store's own`;
  return undefined;
}

/**
 * The order of a listing: by UTF-8 bytes, as S3 has it; JavaScript's own order differs where
 * surrogates meet what lies above them.
 */
export function compareKeys(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let index = 0; index < shorter; index += 1) {
    const difference = rankOf(a.charCodeAt(index)) - rankOf(b.charCodeAt(index));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Sorts names in place by compareKeys, fast where JavaScript's own order is the same. */
export function sortKeys(names: string[]): string[] {
  return names.some((name) => /[\ud800-\uffff]/.test(name)) ? names.sort(compareKeys) : names.sort();
}

/**
 * UTF-16 code units in the order of the UTF-8 bytes of what they stand for: surrogates after all
 * others.
 */
function rankOf(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}
