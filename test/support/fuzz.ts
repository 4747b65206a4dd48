/**
 * Fuzzing with real code and mutated inputs. A fuzz test is a vitest test in test/fuzz/: with
 * `npm test` each target runs a few hundred inputs from a fixed seed; `npm run fuzz` runs the same
 * test for HOLDFAST_FUZZ_SECONDS a target from a new seed (docs/testing.md). An input that fails is
 * saved with what replays it.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Parameters } from "fast-check";
import { projectDirectory } from "../../scripts/cache-directory.ts";
import { createRandom, mutate, type Random } from "./mutate.ts";

export interface FuzzTarget {
  /** kebab-case; the corpus is test/fuzz/corpus/<name>/. */
  readonly name: string;
  /** Valid inputs that mutations begin with, beside the corpus. */
  readonly seeds?: readonly (string | Uint8Array)[];
  /** Pieces of the format, which mutations put in. */
  readonly dictionary?: readonly string[];
  /** Inputs are cut to this length; 64 KiB when it is not given. */
  readonly maxBytes?: number;
  /**
   * Throws when a property is broken. `random` is for choices of the property itself, as where to
   * cut chunks.
   */
  run(input: Buffer, random: Random): void | Promise<void>;
}

/** Inputs of a target in `npm test`. */
const quickInputs = 300;
/** The seed of `npm test`: the same inputs on every machine. */
const quickSeed = 20_261_128;
const defaultMaxBytes = 65_536;
const corpusDirectory = join(projectDirectory, "test/fuzz/corpus");
const failuresDirectory = join(projectDirectory, ".cache/fuzz");

/** Seconds for each target; undefined in `npm test`. */
function longSeconds(): number | undefined {
  const text = process.env["HOLDFAST_FUZZ_SECONDS"];
  return text === undefined ? undefined : Number(text);
}

function readSeed(): number {
  const text = process.env["HOLDFAST_FUZZ_SEED"];
  if (text !== undefined) return Number(text);
  return longSeconds() === undefined ? quickSeed : Math.floor(Math.random() * 2 ** 31);
}

/**
 * Runs the corpus, then mutated inputs until the budget ends. Rejects with an error that names the
 * saved input and the property's error.
 */
export async function fuzz(target: FuzzTarget, inputs = quickInputs): Promise<void> {
  const only = process.env["HOLDFAST_FUZZ_INPUT"];
  if (only !== undefined) return await target.run(readFileSync(only), createRandom(0));
  const seeds = loadSeeds(target);
  for (const { label, bytes } of seeds) await attempt(target, bytes, createRandom(0), `the seed input ${label}`);
  const seed = readSeed();
  const random = createRandom(seed);
  const seconds = longSeconds();
  const end = seconds === undefined ? undefined : performance.now() + seconds * 1_000;
  const bodies = seeds.map(({ bytes }) => bytes);
  let count = 0;
  for (; end === undefined ? count < inputs : performance.now() < end; count++) {
    const input = mutate(bodies, random, target.dictionary ?? []).subarray(0, target.maxBytes ?? defaultMaxBytes);
    // A crash or an endless loop leaves no other trace than this file.
    if (end !== undefined) writeRunning(target, input);
    await attempt(target, input, random, `seed ${seed}, input ${count}`);
  }
  if (end === undefined) return;
  rmSync(runningPath(target), { force: true });
  console.log(`fuzz ${target.name}: ${count} inputs, seed ${seed}, no failure`);
}

/**
 * Parameters for fast-check: `runs` histories from a fixed seed in `npm test`,
 * HOLDFAST_FUZZ_SECONDS of them from a new one in `npm run fuzz`.
 */
export function propertyParameters<T>(runs: number): Parameters<T> {
  const seconds = longSeconds();
  const seed = readSeed();
  if (seconds === undefined) return { numRuns: runs, seed };
  console.log(`property: seed ${seed}, ${seconds} s`);
  return { numRuns: 1_000_000_000, seed, interruptAfterTimeLimit: seconds * 1_000, markInterruptAsFailure: false };
}

async function attempt(target: FuzzTarget, input: Buffer, random: Random, what: string): Promise<void> {
  try {
    await target.run(input, random);
  } catch (error) {
    const path = saveInput(target, input);
    const problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(
      `fuzz ${target.name} failed (${what}). Replay: HOLDFAST_FUZZ_INPUT=${path} npm run fuzz -- ${target.name}\n${problem}`,
      { cause: error },
    );
  }
}

function loadSeeds({ name, seeds = [] }: FuzzTarget): { readonly label: string; readonly bytes: Buffer }[] {
  const given = seeds.map((seed, index) => ({ label: `#${index}`, bytes: Buffer.from(seed) }));
  const directory = join(corpusDirectory, name);
  const files = existsSync(directory) ? readdirSync(directory).sort() : [];
  return [...given, ...files.map((file) => ({ label: file, bytes: readFileSync(join(directory, file)) }))];
}

function saveInput({ name }: FuzzTarget, input: Buffer): string {
  mkdirSync(failuresDirectory, { recursive: true });
  const path = join(failuresDirectory, `${name}-failed-${process.pid}`);
  writeFileSync(path, input);
  return path;
}

function runningPath({ name }: FuzzTarget): string {
  return join(failuresDirectory, `${name}-running`);
}

function writeRunning(target: FuzzTarget, input: Buffer): void {
  mkdirSync(failuresDirectory, { recursive: true });
  writeFileSync(runningPath(target), input);
}
