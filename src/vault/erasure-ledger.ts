/**
 * The erasure ledger of a source: a chain of entries (signed-chain.ts), each about what was erased
 * in production and must not come back with a restore.
 */
import { createHash } from "node:crypto";
import { isHoldfastError } from "../errors/holdfast-error.ts";
import type { Signer } from "../proof/statement.ts";
import { canonicalJson } from "./documents/canonical-json.ts";
import { type ErasureEntry, judgeErasure, signErasure, signedErasureShape } from "./documents/erasure-entry.ts";
import { formatVersion } from "./documents/format-version.ts";
import { count, object, oneOf } from "./documents/json-shape.ts";
import { maxSmallDocumentBytes, readDocument } from "./documents/read-document.ts";
import { keyOf, parseErasureKey } from "./layout.ts";
import {
  appendToChain,
  type ChainEnd,
  type ChainItem,
  type ChainProblem,
  type ChainRules,
  listHiddenEntries,
  type ReadEntry,
  readChain,
  readChainEntry,
} from "./signed-chain.ts";
import type { SignedVault } from "./vault.ts";

/** What the caller gives of an entry; the ledger adds vault, source and chain. */
export type ErasureFacts = Omit<ErasureEntry, "formatVersion" | "vaultId" | "source" | "number" | "previous">;

function rulesOf(source: string): ChainRules<ErasureEntry> {
  return {
    name: "erasure ledger",
    prefix: keyOf.erasurePrefix(source),
    keyOf: (number) => keyOf.erasure(source, number),
    parseKey(key) {
      const parsed = parseErasureKey(key);
      return parsed?.source === source ? parsed.number : undefined;
    },
    shape: signedErasureShape,
    judge: judgeErasure,
    sign: signErasure,
    timeOf: ({ recordedAt }) => recordedAt,
    misplaced: (entry) => (entry.source === source ? undefined : `belongs to source "${entry.source}"`),
  };
}

/**
 * Adds entries at the end of a source's ledger, and remembers their ids (findById). Errors:
 * UsageInvalid for what cannot be an entry; those of appendToChain.
 */
export async function appendErasures(
  vault: SignedVault,
  source: string,
  facts: readonly ErasureFacts[],
  signer: Signer,
  retainUntil: Date | undefined,
): Promise<readonly ErasureEntry[]> {
  const makes = facts.map(
    (each) =>
      (end: ChainEnd): ErasureEntry => ({ ...each, formatVersion, vaultId: vault.id, source, ...end }),
  );
  const entries = await appendToChain(vault, rulesOf(source), makes, signer, retainUntil);
  for (const { id, number } of entries) await rememberId(vault, source, id, number);
  return entries;
}

/** The whole ledger of a source, as readChain says. */
export function readErasures(
  vault: SignedVault,
  source: string,
  now: Date,
): AsyncGenerator<ChainItem<ErasureEntry>, void, undefined> {
  return readChain(vault, rulesOf(source), now);
}

/** The entry of a number, what is wrong with it by itself, or undefined where it is gone. */
export function readErasureEntry(
  vault: SignedVault,
  source: string,
  number: number,
): Promise<ReadEntry<ErasureEntry> | ChainProblem | undefined> {
  return readChainEntry(vault, rulesOf(source), number);
}

/** What of the ledger was deleted or written over, where the store keeps versions. */
export function listHiddenErasures(vault: SignedVault, source: string): AsyncGenerator<ChainProblem, void, undefined> {
  return listHiddenEntries(vault, rulesOf(source));
}

const pointerShape = object({ required: { formatVersion: oneOf(formatVersion), number: count } });

/**
 * The entry that was recorded under this id, where it is there. Anyone could have written the
 * pointer to it: it only says where to look, and the entry's own signature decides. Errors: those
 * of ObjectStore.
 */
export async function findById(vault: SignedVault, source: string, id: string): Promise<ErasureEntry | undefined> {
  let number: number;
  try {
    const options = { name: "pointer", shape: pointerShape, error: "VaultInvalid", maxBytes: maxSmallDocumentBytes } as const;
    ({ number } = (await readDocument(vault.store, pointerKey(source, id), options)).value);
  } catch (error) {
    // None, or none that tells anything: at worst the ledger then has an entry twice.
    if (isHoldfastError(error, "ObjectNotFound", "VaultInvalid")) return undefined;
    throw error;
  }
  if (number < 1 || number > 9_999_999_999) return undefined;
  const item = await readErasureEntry(vault, source, number);
  return item !== undefined && "entry" in item && item.certain && item.entry.id === id ? item.entry : undefined;
}

async function rememberId({ store }: SignedVault, source: string, id: string, number: number): Promise<void> {
  try {
    await store.put(pointerKey(source, id), canonicalJson({ formatVersion, number }), { ifAbsent: true });
  } catch (error) {
    if (!isHoldfastError(error, "ObjectExists")) throw error;
  }
}

function pointerKey(source: string, id: string): string {
  return keyOf.erasureId(source, createHash("sha256").update(id).digest("hex"));
}
