/**
 * A digest of rows whatever their order: the sum of their SHA-256, modulo 2^256, so that a
 * duplicate counts.
 */
import { hash } from "node:crypto";

const newline = 0x0a;
const words = 8;

export interface RowSum {
  /** Rows in pieces of any size. */
  update(bytes: Buffer): void;
  /** 64 hexadecimal digits. */
  digest(): string;
}

export function createRowSum(): RowSum {
  // As 32-bit words, the least significant first: plain numbers, where a BigInt a row would cost
  // more than its hash.
  const sum = new Array<number>(words).fill(0);
  let kept: Buffer[] = [];

  function addRow(row: Buffer): void {
    const digest = hash("sha256", row, "buffer");
    let carry = 0;
    for (let word = 0; word < words; word++) {
      const total = (sum[word] as number) + digest.readUInt32BE((words - 1 - word) * 4) + carry;
      carry = total > 0xffffffff ? 1 : 0;
      sum[word] = total % 0x1_0000_0000;
    }
  }

  return {
    update(bytes) {
      let from = 0;
      for (let end = bytes.indexOf(newline); end !== -1; end = bytes.indexOf(newline, from)) {
        const piece = bytes.subarray(from, end + 1);
        addRow(kept.length === 0 ? piece : Buffer.concat([...kept, piece]));
        kept = [];
        from = end + 1;
      }
      if (from < bytes.length) kept.push(Buffer.from(bytes.subarray(from)));
    },
    digest: () =>
      [...sum]
        .reverse()
        .map((word) => word.toString(16).padStart(8, "0"))
        .join(""),
  };
}
