/**
 * Chains of numbered entries in a vault: objects that are only ever added, each with the SHA-256 of
 * the one before it, signed, and locked where the vault locks. The audit trail is one, and each
 * source's erasure ledger. Nothing of Holdfast deletes an entry.
 */
import { HoldfastError, isHoldfastError } from "../errors/holdfast-error.ts";
import type { Signer, Verdict, Verifier } from "../proof/statement.ts";
import { sha256Hex } from "./documents/canonical-json.ts";
import { isFuture } from "./documents/future.ts";
import type { Shape } from "./documents/json-shape.ts";
import { maxSmallDocumentBytes, readDocument } from "./documents/read-document.ts";
import type { SignedVault } from "./vault.ts";

/** What every entry says of itself. */
export interface Chained {
  readonly vaultId: string;
  /** From 1; the number in its name. */
  readonly number: number;
  /** SHA-256 of the bytes of the entry before it; null for the first. */
  readonly previous: string | null;
}

/** Where in a chain an entry goes. */
export type ChainEnd = Pick<Chained, "number" | "previous">;

/** The document: the entry, and the signature over its canonical form. */
export interface SignedEntryOf<E> {
  readonly entry: E;
  readonly signature: string;
}

/** What kind of chain it is. */
export interface ChainRules<E extends Chained> {
  /** For messages: `audit trail`. */
  readonly name: string;
  readonly prefix: string;
  keyOf(number: number): string;
  parseKey(key: string): number | undefined;
  readonly shape: Shape<SignedEntryOf<E>>;
  judge(signed: SignedEntryOf<E>, verifier: Verifier): Verdict;
  /** The document's bytes. */
  sign(entry: E, signer: Signer): Promise<Uint8Array>;
  /** When it was written, by its own word. */
  timeOf(entry: E): string;
  /** What else is wrong with an entry that is genuine, in this chain; completes "<key> …". */
  misplaced?(entry: E): string | undefined;
}

/**
 * An entry that counts. `certain`: one of the policy's keys signed it, and all of them are known.
 */
export interface ChainEntry<E> {
  readonly key: string;
  readonly entry: E;
  readonly certain: boolean;
}

/** What does not fit: an object in the chain, and what is wrong with it. */
export interface ChainProblem {
  readonly key: string;
  /** Completes "<key> …". */
  readonly problem: string;
  /**
   * Entries before it are gone or were changed: what the chain says until here may lack something.
   */
  readonly lost?: boolean | undefined;
}

export type ChainItem<E> = ChainEntry<E> | ChainProblem;

/** Runs that want the same number at once; each turn lets one of them through. */
const maxTurns = 50;
/** Entries that are read at once: on S3 each takes a round trip. */
const readAtOnce = 16;

/**
 * Adds an entry for each of `makes` at the end of the chain, in their order. Of runs that do so at
 * once, each gets numbers of its own: an entry is created only where none stands. When it fails,
 * the entries before the failing one are there. Errors: those of `makes`, of the signer and of
 * ObjectStore; StoreConflict when others were always faster.
 */
export async function appendToChain<E extends Chained>(
  vault: SignedVault,
  rules: ChainRules<E>,
  makes: readonly ((end: ChainEnd) => E)[],
  signer: Signer,
  retainUntil: Date | undefined,
): Promise<E[]> {
  const locked = vault.store.locks === undefined || retainUntil === undefined ? {} : { retainUntil };
  const made: E[] = [];
  let end: ChainEnd | undefined;
  for (const make of makes) {
    for (let turn = 0; ; turn += 1) {
      end ??= await findEnd(vault, rules);
      const entry = make(end);
      const bytes = await rules.sign(entry, signer);
      try {
        await vault.store.put(rules.keyOf(end.number), bytes, { ifAbsent: true, ...locked });
        made.push(entry);
        end = { number: end.number + 1, previous: sha256Hex(bytes) };
        break;
      } catch (error) {
        if (!isHoldfastError(error, "ObjectExists")) throw error;
        end = undefined;
        if (turn + 1 < maxTurns) continue;
        throw new HoldfastError(
          "StoreConflict",
          `the ${rules.name} in ${vault.store.url} did not take an entry in ${maxTurns} tries`,
        );
      }
    }
  }
  return made;
}

/**
 * The next number, and the digest of the last entry that counts. What stands behind that one and
 * does not count is stepped over: it cannot keep the chain from going on.
 */
async function findEnd<E extends Chained>(vault: SignedVault, rules: ChainRules<E>): Promise<ChainEnd> {
  const entries: number[] = [];
  const taken = new Set<number>();
  for await (const { key, odd } of vault.store.list(rules.prefix, { includeOdd: true })) {
    const number = rules.parseKey(key);
    if (number === undefined) continue;
    taken.add(number);
    if (odd === undefined) entries.push(number);
  }
  for (const number of entries.toReversed()) {
    const item = await readChainEntry(vault, rules, number);
    if (item === undefined || "problem" in item) continue;
    let next = number + 1;
    while (taken.has(next)) next += 1;
    return { number: next, previous: item.sha256 };
  }
  let first = 1;
  while (taken.has(first)) first += 1;
  return { number: first, previous: null };
}

/**
 * The whole chain, oldest first, every signature and every link checked. A problem stands where it
 * was found. That the newest entries were cut off shows only where the store keeps versions
 * (listHiddenEntries). Errors: those of ObjectStore.
 */
export async function* readChain<E extends Chained>(
  vault: SignedVault,
  rules: ChainRules<E>,
  now: Date,
): AsyncGenerator<ChainItem<E>, void, undefined> {
  let last: { readonly sha256: string | null; readonly number: number } = { sha256: null, number: 0 };
  for await (const item of readListed(vault, rules)) {
    // Gone since it was listed: the next entry's link, or the store's versions, say so.
    if (item === undefined) continue;
    if ("problem" in item) {
      yield item;
      continue;
    }
    const { key, entry, sha256, certain } = item;
    const broken = findBreak(rules, entry, last, now);
    if (broken !== undefined) yield { key, ...broken };
    yield { key, entry, certain };
    last = { sha256, number: entry.number };
  }
}

async function* readListed<E extends Chained>(
  vault: SignedVault,
  rules: ChainRules<E>,
): AsyncGenerator<ReadEntry<E> | ChainProblem | undefined> {
  let waiting: Promise<ReadEntry<E> | ChainProblem | undefined>[] = [];
  for await (const { key, odd } of vault.store.list(rules.prefix, { includeOdd: true })) {
    const number = rules.parseKey(key);
    const bad = number === undefined || odd !== undefined;
    const article = /^[aeiou]/.test(rules.name) ? "an" : "a";
    waiting.push(
      bad
        ? Promise.resolve({ key, problem: `is ${odd ?? `not an entry of ${article} ${rules.name}`}` })
        : readChainEntry(vault, rules, number),
    );
    if (waiting.length < readAtOnce) continue;
    yield* await Promise.all(waiting);
    waiting = [];
  }
  yield* await Promise.all(waiting);
}

function findBreak<E extends Chained>(
  rules: ChainRules<E>,
  entry: E,
  last: { readonly sha256: string | null; readonly number: number },
  now: Date,
): Omit<ChainProblem, "key"> | undefined {
  if (entry.previous !== last.sha256) {
    const before = last.number === 0 ? `the beginning of the ${rules.name.replace(/.* /, "")}` : `number ${last.number}`;
    return { problem: `does not follow ${before}: an entry between them is missing or was changed`, lost: true };
  }
  const at = rules.timeOf(entry);
  return isFuture(at, now) ? { problem: `is dated in the future: ${at}` } : undefined;
}

/**
 * Entries that were deleted or written over, where the store keeps versions. Errors: those of
 * ObjectStore.
 */
export async function* listHiddenEntries<E extends Chained>(
  { store }: SignedVault,
  rules: ChainRules<E>,
): AsyncGenerator<ChainProblem, void, undefined> {
  for await (const { key, by, hiddenAt } of store.listHidden(rules.prefix)) {
    if (rules.parseKey(key) === undefined) continue;
    const what = by === "deletion" ? "was deleted" : "was written over";
    yield { key, problem: `${what} at ${hiddenAt.toISOString()}; the bucket still has it`, lost: true };
  }
}

export type ReadEntry<E> = ChainEntry<E> & { readonly sha256: string };

/**
 * The entry of a number, what is wrong with it by itself, or undefined where it is gone. Errors:
 * those of ObjectStore.
 */
export async function readChainEntry<E extends Chained>(
  vault: SignedVault,
  rules: ChainRules<E>,
  number: number,
): Promise<ReadEntry<E> | ChainProblem | undefined> {
  const key = rules.keyOf(number);
  let read: { readonly value: SignedEntryOf<E>; readonly bytes: Uint8Array };
  try {
    read = await readDocument(vault.store, key, {
      name: "entry",
      shape: rules.shape,
      error: "VaultInvalid",
      maxBytes: maxSmallDocumentBytes,
    });
  } catch (error) {
    if (isHoldfastError(error, "ObjectNotFound")) return undefined;
    if (!isHoldfastError(error, "VaultInvalid", "StoreAccessDenied")) throw error;
    return { key, problem: `cannot be read: ${error.message}` };
  }
  const { entry } = read.value;
  const verdict = rules.judge(read.value, vault.verifier);
  if (verdict === "forged") return { key, problem: "was not signed by any key of the policy" };
  if (entry.vaultId !== vault.id) return { key, problem: "belongs to another vault" };
  if (entry.number !== number) return { key, problem: `is entry number ${entry.number} under another name` };
  const misplaced = rules.misplaced?.(entry);
  if (misplaced !== undefined) return { key, problem: misplaced };
  return { key, entry, certain: verdict === "genuine", sha256: sha256Hex(read.bytes) };
}
