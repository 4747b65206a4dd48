/**
 * The readable end of a pipeline whose end and failure are decided elsewhere, after everything was
 * checked.
 */
import { Readable, Writable } from "node:stream";

export interface Outlet {
  /** What the reader gets. Fails and ends by `fail` and `end` only. */
  readonly stream: Readable;
  /** The last stage of a pipeline: each chunk goes to the reader, after `see` has seen it. */
  readonly inlet: Writable;
  end(): void;
  fail(error: Error): void;
}

/** Chunks are at most a frame: what may wait for a slow reader while the next frames are made. */
const readAheadChunks = 8;

/** `onGivenUp` is called when the reader destroys the stream before its end. */
export function createOutlet(see: (chunk: Buffer) => void, onGivenUp: () => void): Outlet {
  let release: (() => void) | undefined;
  const stream = new Readable({
    // Chunk by chunk: in byte mode an asynchronous iteration would join what waits, which copies
    // every byte once more.
    objectMode: true,
    highWaterMark: readAheadChunks,
    read() {
      release?.();
    },
    destroy(error, callback) {
      if (!stream.readableEnded) onGivenUp();
      release?.();
      callback(error);
    },
  });
  // The reader may come later than the failure, and learns of it then.
  stream.on("error", () => {});
  const inlet = new Writable({
    highWaterMark: 1,
    write(chunk: Buffer, _encoding, callback) {
      if (chunk.length === 0) return callback();
      see(chunk);
      if (stream.destroyed || stream.push(chunk)) return callback();
      release = () => {
        release = undefined;
        callback();
      };
    },
  });
  return {
    stream,
    inlet,
    end: () => void stream.push(null),
    fail: (error) => void stream.destroy(error),
  };
}
