/**
 * How much of holes a backup reads. A hole costs its maker nothing, and is read like data: one
 * sparse file of the largest size would hold a backup for days.
 */
import type { BigIntStats } from "node:fs";

export interface HoleBudget {
  /** Whether the file may be read; takes its holes off what is left. */
  take(stats: Pick<BigIntStats, "size" | "blocks">): boolean;
}

/** One terabyte: ten minutes of zeros at 2 GB/s. */
export const defaultMaxHoleBytes = 1_000_000_000_000;
/**
 * A file counts as sparse when its blocks hold less than this share of its size; file systems that
 * compress reach some 20.
 */
const sparseShare = 32n;

export function createHoleBudget(maxHoleBytes = defaultMaxHoleBytes): HoleBudget {
  let left = BigInt(maxHoleBytes);
  return {
    take({ size, blocks }) {
      // st_blocks counts 512 bytes, whatever the file system's block.
      const allocated = blocks * 512n;
      if (allocated * sparseShare >= size) return true;
      const holes = size - allocated;
      if (holes > left) return false;
      left -= holes;
      return true;
    },
  };
}
