/** Bodies for stores, made on the fly: nothing of them is held. */

/**
 * `bytes` bytes in chunks, deterministic by `seed`, so that a prefix or a mixture of two bodies
 * shows.
 */
export async function* patternedBytes(
  bytes: number,
  seed: number,
  chunkBytes = 64 * 1024,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let sent = 0; sent < bytes; ) {
    const chunk = Buffer.alloc(Math.min(chunkBytes, bytes - sent), `${seed}:${Math.floor(sent / chunkBytes)};`);
    sent += chunk.length;
    yield chunk;
  }
}

/** Everything that `stream` gives. */
export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Everything that `items` gives, as a list. */
export async function toList<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
