/** Reads a small object whole, and refuses one that is not small. */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { ReadSmall } from "../object-store.ts";

/**
 * Enough for the manifest of some hundred thousand tables; an object of this size is still held in
 * memory with ease.
 */
const defaultMaximumBytes = 64 * 1024 * 1024;

/**
 * The whole of a small object. Errors: those of `get`, and VaultInvalid when it is larger than
 * `maximumBytes`.
 */
export const readSmall: ReadSmall = async (store, key, maximumBytes = defaultMaximumBytes) => {
  const { object, body } = await store.get(key);
  // By the store's own word first: nothing is read of an object of terabytes.
  if (object.bytes > maximumBytes) {
    body.on("error", () => undefined).destroy();
    throw tooLarge(store.url, key, maximumBytes);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > maximumBytes) throw tooLarge(store.url, key, maximumBytes);
    chunks.push(chunk);
  }
  return { bytes: Buffer.concat(chunks), etag: object.etag };
};

function tooLarge(url: string, key: string, maximumBytes: number): HoldfastError {
  return new HoldfastError(
    "VaultInvalid",
    `${key} in ${url} is larger than the ${maximumBytes} bytes that such an object can have`,
  );
}
