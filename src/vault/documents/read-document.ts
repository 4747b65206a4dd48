/**
 * Reads one of the vault's documents: small, whole, parsed within limits, of this format version,
 * and in the shape of its kind.
 */
import type { catalogue } from "../../errors/catalogue.ts";
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import type { ObjectStore } from "../object-store.ts";
import { assertKnownVersion } from "./format-version.ts";
import type { Shape } from "./json-shape.ts";
import { parseDocument } from "./parse-document.ts";
import { readSmall } from "./read-small.ts";

/** Holds, leases, read marks, tombstones, holdfast.json: some hundred bytes each. */
export const maxSmallDocumentBytes = 64 * 1024;

/** Of a document whose name has the digest of what was signed. */
export const notSigned = "is not what was signed: its SHA-256 is not that of its name";

export interface DocumentOptions<T> {
  /** The document's root in messages: `hold`. */
  readonly name: string;
  readonly shape: Shape<T>;
  /** What is wrong with its bytes: completes "<key> …". Asked before its content is looked at. */
  readonly bytesProblem?: ((bytes: Uint8Array) => string | undefined) | undefined;
  /** Default: that of readSmall, for documents that grow with the source. */
  readonly maxBytes?: number;
  /** The class of an error that says that the document itself is bad. */
  readonly error: keyof typeof catalogue;
  /** What to do about a bad one; default: the class's own hint. */
  readonly hint?: string;
}

export interface ReadDocument<T> {
  readonly value: T;
  readonly bytes: Uint8Array;
  readonly etag: string;
  /** The document's name in messages. */
  readonly where: string;
}

/**
 * The document under `key`. Errors: the class given by `error` when what stands there is too large,
 * is not an object of its own (a link or a pipe in a folder), cannot be parsed, or breaks the
 * format; VaultInvalid when another version of Holdfast wrote it; ObjectNotFound and all others of
 * ObjectStore.get.
 */
export async function readDocument<T>(store: ObjectStore, key: string, options: DocumentOptions<T>): Promise<ReadDocument<T>> {
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
  const bytesProblem = options.bytesProblem?.(read.bytes);
  if (bytesProblem !== undefined) throw bad(`${where} ${bytesProblem}`);
  assertKnownVersion(parsed.value, where);
  const problem = options.shape(parsed.value, options.name);
  if (problem !== undefined) throw bad(`${where} breaks the format: ${problem}`);
  return { value: parsed.value as T, ...read, where };
}
