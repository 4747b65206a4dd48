/**
 * The audit trail of a vault: numbered objects that are only ever added, each with the SHA-256 of
 * the one before it, signed, and locked where the vault locks. Nothing of Holdfast deletes one.
 */
import { HoldfastError, isHoldfastError } from "../errors/holdfast-error.ts";
import type { Signer } from "../proof/statement.ts";
import { type AuditEntry, judgeEntry, type SignedEntry, signEntry, signedEntryShape } from "./documents/audit-entry.ts";
import { sha256Hex } from "./documents/canonical-json.ts";
import { formatVersion } from "./documents/format-version.ts";
import { isFuture } from "./documents/future.ts";
import { maxSmallDocumentBytes, readDocument } from "./documents/read-document.ts";
import { auditPrefix, keyOf, parseAuditKey } from "./layout.ts";
import type { SignedVault } from "./vault.ts";

/** What the caller says of an action; the trail adds number, vault and chain. */
export type AuditFacts = Omit<AuditEntry, "formatVersion" | "vaultId" | "number" | "previous">;

/**
 * An entry that counts. `certain`: one of the policy's keys signed it, and all of them are known.
 */
export interface TrailEntry {
  readonly key: string;
  readonly entry: AuditEntry;
  readonly certain: boolean;
}

/** What does not fit: an object in the trail, and what is wrong with it. */
export interface TrailProblem {
  readonly key: string;
  /** Completes "<key> …". */
  readonly problem: string;
  /**
   * Entries before it are gone or were changed: what the trail says until here may lack something.
   */
  readonly lost?: boolean | undefined;
}

export type TrailItem = TrailEntry | TrailProblem;

/** Runs that want the same number at once; each turn lets one of them through. */
const maxTurns = 50;

/**
 * Adds an entry at the end of the trail. Of runs that do so at once, each gets a number of its own:
 * an entry is created only where none stands. Errors: those of the signer and of ObjectStore;
 * StoreConflict when others were always faster.
 */
export async function appendAudit(
  vault: SignedVault,
  facts: AuditFacts,
  signer: Signer,
  retainUntil: Date | undefined,
): Promise<AuditEntry> {
  const locked = vault.store.locks === undefined || retainUntil === undefined ? {} : { retainUntil };
  for (let turn = 0; turn < maxTurns; turn += 1) {
    const { number, previous } = await findEnd(vault);
    const entry: AuditEntry = { ...facts, formatVersion, vaultId: vault.id, number, previous };
    const bytes = await signEntry(entry, signer);
    try {
      await vault.store.put(keyOf.auditEntry(number), bytes, { ifAbsent: true, ...locked });
      return entry;
    } catch (error) {
      if (!isHoldfastError(error, "ObjectExists")) throw error;
    }
  }
  throw new HoldfastError("StoreConflict", `the audit trail in ${vault.store.url} did not take an entry in ${maxTurns} tries`);
}

/**
 * The next number, and the digest of the last entry that counts. What stands behind that one and
 * does not count is stepped over: it cannot keep the trail from going on.
 */
async function findEnd(vault: SignedVault): Promise<{ readonly number: number; readonly previous: string | null }> {
  const entries: number[] = [];
  const taken = new Set<number>();
  for await (const { key, odd } of vault.store.list(auditPrefix, { includeOdd: true })) {
    const number = parseAuditKey(key);
    if (number === undefined) continue;
    taken.add(number);
    if (odd === undefined) entries.push(number);
  }
  for (const number of entries.toReversed()) {
    const item = await readAuditEntry(vault, number);
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
 * The whole trail, oldest first, every signature and every link of the chain checked. A problem
 * stands where it was found. That the newest entries were cut off shows only where the store keeps
 * versions. Errors: those of ObjectStore.
 */
export async function* readTrail(vault: SignedVault, now: Date): AsyncGenerator<TrailItem, void, undefined> {
  let last: { readonly sha256: string | null; readonly number: number } = { sha256: null, number: 0 };
  for await (const { key, odd } of vault.store.list(auditPrefix, { includeOdd: true })) {
    const number = parseAuditKey(key);
    if (number === undefined || odd !== undefined) {
      yield { key, problem: `is ${odd ?? "not an entry of an audit trail"}` };
      continue;
    }
    const item = await readAuditEntry(vault, number);
    // Gone since it was listed: the next entry's link, or the store's versions, say so.
    if (item === undefined) continue;
    if ("problem" in item) {
      yield item;
      continue;
    }
    const { entry, sha256, certain } = item;
    const broken = findBreak(entry, last, now);
    if (broken !== undefined) yield { key, ...broken };
    yield { key, entry, certain };
    last = { sha256, number };
  }
  yield* listHiddenEntries(vault);
}

function findBreak(
  { previous, at }: AuditEntry,
  last: { readonly sha256: string | null; readonly number: number },
  now: Date,
): Omit<TrailProblem, "key"> | undefined {
  if (previous !== last.sha256) {
    const before = last.number === 0 ? "the beginning of the trail" : `number ${last.number}`;
    return { problem: `does not follow ${before}: an entry between them is missing or was changed`, lost: true };
  }
  return isFuture(at, now) ? { problem: `is dated in the future: ${at}` } : undefined;
}

async function* listHiddenEntries({ store }: SignedVault): AsyncGenerator<TrailProblem, void, undefined> {
  for await (const { key, by, hiddenAt } of store.listHidden(auditPrefix)) {
    if (parseAuditKey(key) === undefined) continue;
    const what = by === "deletion" ? "was deleted" : "was written over";
    yield { key, problem: `${what} at ${hiddenAt.toISOString()}; the bucket still has it`, lost: true };
  }
}

type ReadEntry = TrailEntry & { readonly sha256: string };

/** The entry of a number, what is wrong with it, or undefined where it is gone. */
export async function readAuditEntry(vault: SignedVault, number: number): Promise<ReadEntry | TrailProblem | undefined> {
  const key = keyOf.auditEntry(number);
  let read: { readonly value: SignedEntry; readonly bytes: Uint8Array };
  try {
    read = await readDocument(vault.store, key, {
      name: "entry",
      shape: signedEntryShape,
      error: "VaultInvalid",
      maxBytes: maxSmallDocumentBytes,
    });
  } catch (error) {
    if (isHoldfastError(error, "ObjectNotFound")) return undefined;
    if (!isHoldfastError(error, "VaultInvalid", "StoreAccessDenied")) throw error;
    return { key, problem: `cannot be read: ${error.message}` };
  }
  const { entry } = read.value;
  const verdict = judgeEntry(read.value, vault.verifier);
  if (verdict === "forged") return { key, problem: "was not signed by any key of the policy" };
  if (entry.vaultId !== vault.id) return { key, problem: "belongs to another vault" };
  if (entry.number !== number) return { key, problem: `is entry number ${entry.number} under another name` };
  return { key, entry, certain: verdict === "genuine", sha256: sha256Hex(read.bytes) };
}
