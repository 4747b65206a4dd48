/** Reads one of the vault's documents: small, whole, and parsed within limits. */
import type { catalogue } from "../../errors/catalogue.ts";
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import type { ObjectStore } from "../object-store.ts";
import { parseDocument } from "./parse-document.ts";
import { readSmall } from "./read-small.ts";

/** Holds, leases, read marks, tombstones, holdfast.json: some hundred bytes each. */
export const maxSmallDocumentBytes = 64 * 1024;

export interface DocumentOptions {
  /** Default: that of readSmall, for documents that grow with the source. */
  readonly maxBytes?: number;
  /** The class of an error that says that the document itself is bad. */
  readonly error: keyof typeof catalogue;
  /** What to do about a bad one; default: the class's own hint. */
  readonly hint?: string;
}

export interface ReadDocument {
  readonly value: unknown;
  readonly bytes: Uint8Array;
  readonly etag: string;
  /** The document's name in messages. */
  readonly where: string;
}

/**
 * The parsed document under `key`. Errors: the class given by `error` when what stands there is too
 * large, is not an object of its own (a link or a pipe in a folder), or cannot be parsed;
 * ObjectNotFound and all others of ObjectStore.get.
 */
export async function readDocument(store: ObjectStore, key: string, options: DocumentOptions): Promise<ReadDocument> {
  const where = `${key} in ${store.url}`;
  const bad = (message: string, cause?: unknown): HoldfastError =>
    new HoldfastError(options.error, message, {
      hint: options.hint,
      cause,
    });
  let read: { readonly bytes: Uint8Array; readonly etag: string };
  try {
    read = await readSmall(store, key, options.maxBytes);
  } catch (error) {
    if (isHoldfastError(error, "VaultInvalid")) throw bad(error.message, error);
    throw error;
  }
  const parsed = parseDocument(read.bytes);
  if (parsed.problem !== undefined) throw bad(`${where} ${parsed.problem}`);
  return { value: parsed.value, ...read, where };
}
