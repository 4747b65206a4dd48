/**
 * ECDSA signatures on P-256 in their two forms: ASN.1 DER, as KMS gives them (RFC 3279, section
 * 2.2.3), and IEEE P1363, r and s in 32 bytes each, as the names of signed documents have them.
 */

/** The order of P-256 has 256 bits, and so have r and s at most. */
const partBytes = 32;
const sequenceTag = 0x30;
const integerTag = 0x02;

/**
 * The 64 bytes of a signature in DER; undefined where the bytes are no such signature, in the one
 * form that DER has for it.
 */
export function derToP1363(der: Uint8Array): Uint8Array | undefined {
  // Two integers of 33 bytes make 70: lengths are one byte.
  if (der[0] !== sequenceTag || der[1] !== der.length - 2) return undefined;
  const first = readInteger(der, 2);
  if (first === undefined) return undefined;
  const second = readInteger(der, first.end);
  // One that is cut off ends behind the last byte.
  return second?.end === der.length ? Buffer.concat([first.value, second.value]) : undefined;
}

/** A positive integer, padded to its part's width. */
function readInteger(der: Uint8Array, at: number): { readonly value: Uint8Array; readonly end: number } | undefined {
  const length = der[at + 1] ?? 0;
  const end = at + 2 + length;
  const bytes = der.subarray(at + 2, end);
  const [first = 0, next = 0] = bytes;
  const isPadded = first === 0;
  if (der[at] !== integerTag) return undefined;
  // Negative, or with a zero before it that nothing asks for, or without a digit.
  if (first >= 0x80 || (isPadded && next < 0x80)) return undefined;
  const digits = isPadded ? bytes.subarray(1) : bytes;
  if (digits.length > partBytes) return undefined;
  return { value: Buffer.concat([Buffer.alloc(partBytes - digits.length), digits]), end };
}
