/** A standard stream that keeps what is written to it. */
import { Writable } from "node:stream";
import { WriteStream } from "node:tty";

export interface FakeStream {
  readonly stream: NodeJS.WriteStream;
  /** Everything written so far. */
  text(): string;
}

export interface FakeStreamOptions {
  readonly isTTY?: boolean;
  readonly columns?: number;
  /**
   * Writing fails with this code, as a full disk (ENOSPC) or a reader that went away (EPIPE) makes
   * it.
   */
  readonly failure?: string;
}

export function fakeStream({ isTTY = false, columns, failure }: FakeStreamOptions = {}): FakeStream {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      if (failure !== undefined) return done(Object.assign(new Error(`write ${failure}`), { code: failure }));
      chunks.push(String(chunk));
      done();
    },
  });
  // What a terminal's stream has beside a Writable.
  Object.assign(stream, { isTTY, columns, hasColors: () => isTTY, getColorDepth: () => (isTTY ? colorDepth() : 1) });
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => chunks.join("") };
}

/** A real terminal's answer, which is where Node looks at NO_COLOR. */
function colorDepth(): number {
  const noColor = process.env["NO_COLOR"];
  return WriteStream.prototype.getColorDepth.call(
    {},
    { TERM: "xterm-256color", ...(noColor === undefined ? {} : { NO_COLOR: noColor }) },
  );
}
