/**
 * Child processes whose result can be trusted: a stream ends only when the tool exited with 0 and
 * every byte came. On node:child_process rather than execa, because a tool is stopped with its
 * whole process group, which execa does not do.
 */
import { Readable } from "node:stream";
import { HoldfastError } from "../errors/holdfast-error.ts";
import { handOver, release } from "./chunk-memory.ts";
import { abortError, isOpenFile, type Started, start, type ToolExit, type ToolOptions } from "./process-group.ts";

export interface ToolResult extends ToolExit {
  readonly stdout: string;
}

export interface StreamOptions extends ToolOptions {
  /** Makes the error of a tool that did not exit with 0. */
  readonly fail: (exit: ToolExit) => Error;
}

export interface ToolStream {
  readonly pid: number | undefined;
  /**
   * Ends after exit status 0 and the last byte; else is destroyed with an error, once the process
   * is gone.
   */
  readonly stdout: Readable;
  /** Settles with the stream; need not be awaited. */
  readonly done: Promise<ToolExit>;
}

/** Lets the consumer lag behind the tool by so many reads of at most 64 KiB without stopping it. */
const streamBufferChunks = 16;
/**
 * Writes the input to the tool. A tool that stops reading is not an error here: its exit status
 * says what it meant. The rest of the input is still read when the tool was content, so that the
 * input's own checks at its end are made.
 */
async function feed(started: Started, input: string | Readable, headOnly: boolean): Promise<void> {
  const stdin = started.child.stdin;
  if (stdin === null) return;
  let open = true;
  let wake: (() => void) | undefined;
  const close = (): void => {
    open = false;
    wake?.();
  };
  stdin.once("close", close);
  stdin.on("error", close);
  stdin.on("drain", () => wake?.());
  if (typeof input === "string") {
    stdin.end(input);
    return;
  }
  for await (const chunk of input) {
    if (!open) {
      const exit = await started.exit;
      if (exit.exitCode !== 0 || headOnly) return;
      continue;
    }
    // A promise of its own each time: racing one that lives as long as the tool would keep
    // something of every wait.
    if (!stdin.write(chunk, () => release(chunk)) && open) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  stdin.end();
}

/** Starts feeding; the result gives the input's own error, if it had one before the tool ended. */
function startFeeding(started: Started, { input, inputHead, signal }: ToolOptions): Promise<{ readonly error?: unknown }> {
  if (input === undefined || isOpenFile(input)) return Promise.resolve({});
  let toolFailed = false;
  const fail = (): void => {
    toolFailed = true;
    if (input instanceof Readable) input.destroy();
  };
  started.exit.then((exit) => exit.exitCode !== 0 && fail(), fail);
  signal.addEventListener("abort", fail, { once: true });
  const done = feed(started, input, inputHead === true).finally(() => signal.removeEventListener("abort", fail));
  return done.then(
    () => ({}),
    (error: unknown) => {
      if (toolFailed) return {};
      // Never let the tool take a broken input's end for the end.
      started.terminate();
      return { error };
    },
  );
}

/**
 * Runs a tool to its end and gives what it wrote. A non-zero exit status is a result, not an error.
 * Errors: ToolMissing; Interrupted or the abort's reason; the input's own error; Internal when the
 * output passes
 * `maxOutputBytes` (default 64 MiB).
 */
export async function runTool(
  command: string,
  args: readonly string[],
  options: ToolOptions & {
    readonly maxOutputBytes?: number | undefined;
    /** Gives its output as bytes in a latin1 string. */
    readonly stdoutBytes?: boolean | undefined;
  },
): Promise<ToolResult> {
  const limit = options.maxOutputBytes ?? 64 * 1024 * 1024;
  const started = start(command, args, options);
  const chunks: Buffer[] = [];
  let bytes = 0;
  const stdout = started.child.stdout as Readable;
  stdout.on("error", () => {});
  stdout.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= limit) chunks.push(chunk);
    else started.terminate();
  });
  const feeding = startFeeding(started, options);
  const exit = await started.exit;
  const fed = await feeding;
  if (options.signal.aborted) throw abortError(options.signal);
  if (fed.error !== undefined) throw fed.error;
  if (bytes > limit) throw new HoldfastError("Internal", `${command} wrote more than ${limit} bytes`);
  return { ...exit, stdout: Buffer.concat(chunks).toString(options.stdoutBytes === true ? "latin1" : "utf8") };
}

/**
 * Starts a tool and streams its output (and its input, when one is given). `stdout` ends only when
 * the tool exited with 0 and all its bytes were given; otherwise it is destroyed with `fail(exit)`,
 * the input's own error, or the abort's. The tool's own words win over the EPIPE that its death
 * causes. Destroying `stdout` stops the tool.
 */
export function streamTool(command: string, args: readonly string[], options: StreamOptions): ToolStream {
  const started = start(command, args, options);
  const source = started.child.stdout as Readable;
  const feeding = startFeeding(started, options);
  let over = false;

  const stdout = new Readable({
    // Chunk by chunk: in byte mode an asynchronous iteration would join what waits, which copies
    // every byte once more.
    objectMode: true,
    highWaterMark: streamBufferChunks,
    read: () => void source.resume(),
    destroy: (error, callback) => {
      if (over) return callback(error);
      over = true;
      if (options.input instanceof Readable) options.input.destroy();
      started.terminate();
      const after = (): void => callback(error);
      started.exit.then(after, after);
    },
  });
  source.on("data", (chunk: Buffer) => {
    if (!stdout.push(handOver(chunk))) source.pause();
  });
  // `done` carries the same error: a stream that is destroyed before anybody listens must not bring
  // the process down.
  stdout.on("error", () => {});
  let readError: Error | undefined;
  source.on("error", (error) => {
    readError = error;
  });

  const settle = async (): Promise<ToolExit> => {
    const exit = await started.exit;
    const fed = await feeding;
    if (over) throw stdout.errored ?? new HoldfastError("Interrupted", `${command} was stopped before its end`);
    if (options.signal.aborted) throw abortError(options.signal);
    if (fed.error !== undefined) throw fed.error;
    if (exit.exitCode !== 0 || readError !== undefined) throw options.fail(exit);
    over = true;
    stdout.push(null);
    return exit;
  };
  const done = settle();
  done.catch((error: unknown) => {
    if (over) return;
    over = true;
    stdout.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  return { pid: started.child.pid, stdout, done };
}

/** `streamTool` with an input that must be given: for filters such as `pg_restore --file=-`. */
export function pipeTool(
  command: string,
  args: readonly string[],
  input: Readable,
  options: Omit<StreamOptions, "input">,
): ToolStream {
  return streamTool(command, args, { ...options, input });
}

/** The tool's own words as lines, without blank ones: at most `limit`, the last. */
export function lastLines(stderr: string, limit = 20): string[] {
  return stderr
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "")
    .slice(-limit);
}
