/** Mutated inputs for fuzz.ts: the same seed gives the same inputs. */

export interface Random {
  /** A whole number from 0 to `bound` - 1. */
  below(bound: number): number;
  pick<T>(values: readonly T[]): T;
}

/**
 * A generator of 32 bits of state (mulberry32): good enough to choose inputs with, and the same
 * everywhere.
 */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (bound: number) => (bound <= 1 ? 0 : Math.floor((next() / 2 ** 32) * bound));
  return {
    below,
    pick<T>(values: readonly T[]): T {
      const value = values[below(values.length)];
      if (value === undefined) throw new Error("nothing to pick from");
      return value;
    },
  };
}

type Mutation = (bytes: Buffer, random: Random, others: readonly Buffer[], dictionary: readonly string[]) => Buffer;

/** Bytes that parsers treat specially. */
const specialBytes = [
  0x00, 0x01, 0x09, 0x0a, 0x0d, 0x20, 0x22, 0x24, 0x27, 0x2d, 0x2e, 0x2f, 0x30, 0x39, 0x3b, 0x5c, 0x7f, 0x80, 0xc3, 0xff,
];

function replace(bytes: Buffer, at: number, removed: number, added: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(Math.min(bytes.length, at + removed))]);
}

function slice(bytes: Buffer, random: Random, max = 256): Buffer {
  const at = random.below(bytes.length + 1);
  return bytes.subarray(at, at + 1 + random.below(max));
}

const mutations: readonly Mutation[] = [
  function flipBit(bytes, random) {
    const changed = Buffer.from(bytes);
    const at = random.below(changed.length);
    if (changed.length > 0) changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8));
    return changed;
  },
  function setByte(bytes, random) {
    return replace(bytes, random.below(bytes.length + 1), 1, Buffer.of(random.pick(specialBytes)));
  },
  function insertByte(bytes, random) {
    return replace(bytes, random.below(bytes.length + 1), 0, Buffer.of(random.pick(specialBytes)));
  },
  function removeSlice(bytes, random) {
    return replace(bytes, random.below(bytes.length + 1), 1 + random.below(64), Buffer.alloc(0));
  },
  function truncate(bytes, random) {
    return bytes.subarray(0, random.below(bytes.length + 1));
  },
  function repeatSlice(bytes, random) {
    const piece = slice(bytes, random);
    const copies = Buffer.concat(Array.from({ length: 1 + random.below(random.pick([2, 8, 64])) }, () => piece));
    return replace(bytes, random.below(bytes.length + 1), 0, copies);
  },
  function splice(bytes, random, others) {
    return replace(bytes, random.below(bytes.length + 1), random.below(64), slice(random.pick(others), random));
  },
  function insertWord(bytes, random, _others, dictionary) {
    if (dictionary.length === 0) return bytes;
    return replace(bytes, random.below(bytes.length + 1), random.pick([0, 0, 1, 4]), Buffer.from(random.pick(dictionary)));
  },
  function swapSlices(bytes, random) {
    const [a, b] = [slice(bytes, random, 32), slice(bytes, random, 32)];
    return replace(replace(bytes, random.below(bytes.length + 1), a.length, b), random.below(bytes.length + 1), b.length, a);
  },
];

/** One of `inputs` after one to eight mutations. */
export function mutate(inputs: readonly Buffer[], random: Random, dictionary: readonly string[]): Buffer {
  let bytes = random.pick(inputs);
  for (let left = 1 + random.below(8); left > 0; left--) bytes = random.pick(mutations)(bytes, random, inputs, dictionary);
  return bytes;
}
