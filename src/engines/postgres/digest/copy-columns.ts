/**
 * Rows of COPY's text format with their columns put into another order. A child table that was
 * attached to its parent later has its columns in another order after a restore (the parent's come
 * first); its rows are compared in the first dump's.
 */

const tab = 0x09;
const newline = 0x0a;

/**
 * For each position of `wanted`, where that column stands in `given`; undefined when one is not a
 * permutation of the other, or when the order is the same already.
 */
export function columnPermutation(given: readonly string[], wanted: readonly string[]): readonly number[] | undefined {
  if (given.length !== wanted.length) return undefined;
  const positions = wanted.map((name) => given.indexOf(name));
  if (positions.includes(-1) || new Set(positions).size !== positions.length) return undefined;
  return positions.every((position, index) => position === index) ? undefined : positions;
}

/**
 * A transformer of chunks of rows. Each call gives the complete rows so far, reordered; the
 * beginning of an unfinished row is kept for the next call. COPY writes a tab within data as `\t`,
 * so that every tab byte separates two columns.
 */
export function createColumnReorder(permutation: readonly number[]): (chunk: Buffer) => Buffer {
  let kept: Buffer[] = [];
  const starts = new Array<number>(permutation.length + 1).fill(0);
  return (chunk) => {
    if (!chunk.includes(newline)) {
      kept.push(Buffer.from(chunk));
      return Buffer.alloc(0);
    }
    const input = kept.length === 0 ? chunk : Buffer.concat([...kept, chunk]);
    const end = input.lastIndexOf(newline) + 1;
    const output = Buffer.allocUnsafe(end);
    let written = 0;
    let column = 1;
    for (let at = 0; at < end; at++) {
      const byte = input[at];
      if (byte !== tab && byte !== newline) continue;
      starts[column] = at + 1;
      column++;
      if (byte !== newline) continue;
      for (let index = 0; index < permutation.length; index++) {
        const from = permutation[index] as number;
        written += input.copy(output, written, starts[from], (starts[from + 1] as number) - 1);
        output[written] = index === permutation.length - 1 ? newline : tab;
        written++;
      }
      starts[0] = at + 1;
      column = 1;
    }
    kept = end === input.length ? [] : [Buffer.from(input.subarray(end))];
    starts[0] = 0;
    return output;
  };
}
