/**
 * Reads files.tar entry by entry, in memory that does not grow. Takes only what this engine writes;
 * anything else is ContentInvalid.
 */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { type ByteSource, createByteSource } from "./byte-source.ts";
import { blockBytes, decodeHeader, decodePax, type PaxRecords, paddingOf, type TarEntry } from "./tar-header.ts";

export interface TarReader {
  /**
   * The next entry, or undefined at a well-formed end. The body of the one before must have been
   * read. Errors: ContentInvalid, the stream's.
   */
  next(): Promise<TarEntry | undefined>;
  /** The content of the entry that `next` gave, to be read to its end. Errors as `next`. */
  body(entry: TarEntry): AsyncGenerator<Buffer>;
}

export function createTarReader(stream: AsyncIterable<Uint8Array>): TarReader {
  const source = createByteSource(stream);
  return {
    async next() {
      let pax: PaxRecords = new Map();
      for (let headers = 0; headers < 2; headers++) {
        const block = decodeHeader(await take(source, blockBytes), pax);
        if (block.kind === "entry") return block.entry;
        if (block.kind === "zero") {
          if (pax.size > 0) break;
          await readEnd(source);
          return undefined;
        }
        pax = decodePax(await take(source, block.size));
        await take(source, paddingOf(block.size));
      }
      throw new HoldfastError("ContentInvalid", "files.tar: a pax header is not followed by an entry");
    },
    async *body({ size }) {
      for (let left = size; left > 0; ) {
        const chunk = await source.takeSome(left);
        if (chunk === undefined) throw truncated();
        left -= chunk.length;
        yield chunk;
      }
      const padding = await take(source, paddingOf(size));
      if (padding.some((byte) => byte !== 0))
        throw new HoldfastError("ContentInvalid", "files.tar: the padding of an entry is not empty");
    },
  };
}

async function readEnd(source: ByteSource): Promise<void> {
  const second = await take(source, blockBytes);
  if (second.some((byte) => byte !== 0))
    throw new HoldfastError("ContentInvalid", "files.tar: has a block of zeros between its entries");
  if ((await source.takeSome(1)) !== undefined) throw new HoldfastError("ContentInvalid", "files.tar: goes on after its end");
}

async function take(source: ByteSource, count: number): Promise<Buffer> {
  const bytes = await source.take(count);
  if (bytes === undefined) throw truncated();
  return bytes;
}

function truncated(): HoldfastError {
  return new HoldfastError("ContentInvalid", "files.tar: ends in the middle of an entry");
}
