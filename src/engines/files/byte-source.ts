/** A stream of bytes as something one takes exact amounts from. */

export interface ByteSource {
  /** Exactly `count` bytes; undefined when the stream ends before. */
  take(count: number): Promise<Buffer | undefined>;
  /** Between one and `atMost` bytes, whatever is there; undefined at the end. */
  takeSome(atMost: number): Promise<Buffer | undefined>;
  /**
   * Everything up to and without the next line feed; undefined at the end. `atMost` bytes are the
   * longest line; a longer one is returned cut.
   */
  takeLine(atMost: number): Promise<Buffer | undefined>;
}

/** Reads `stream` as it is asked to; the stream's errors reject. */
export function createByteSource(stream: AsyncIterable<Uint8Array>): ByteSource {
  const chunks = stream[Symbol.asyncIterator]();
  let current: Buffer = Buffer.alloc(0);

  async function fill(): Promise<boolean> {
    while (current.length === 0) {
      const { value, done } = await chunks.next();
      if (done === true) return false;
      current = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }
    return true;
  }

  function cut(count: number): Buffer {
    const bytes = current.subarray(0, count);
    current = current.subarray(count);
    return bytes;
  }

  return {
    async take(count) {
      if (current.length >= count) return cut(count);
      const parts: Buffer[] = [];
      for (let left = count; left > 0; ) {
        if (!(await fill())) return undefined;
        const part = cut(left);
        parts.push(part);
        left -= part.length;
      }
      return Buffer.concat(parts, count);
    },
    async takeSome(atMost) {
      return (await fill()) ? cut(atMost) : undefined;
    },
    async takeLine(atMost) {
      const parts: Buffer[] = [];
      for (let length = 0; length < atMost; ) {
        if (!(await fill())) break;
        const feed = current.indexOf(0x0a);
        if (feed >= 0) {
          parts.push(cut(feed));
          cut(1);
          return parts.length === 1 ? parts[0] : Buffer.concat(parts);
        }
        length += current.length;
        parts.push(cut(current.length));
      }
      return parts.length === 0 ? undefined : Buffer.concat(parts);
    },
  };
}
