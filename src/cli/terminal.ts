/** What a command prints and where: one JSON document or text on stdout; progress, logs and errors on stderr. */
import { styleText } from "node:util";
import { HoldfastError } from "../errors/holdfast-error.ts";

type Style = Parameters<typeof styleText>[0];

export interface Terminal {
  readonly json: boolean;
  /** Whether stderr is a terminal that can be redrawn. */
  readonly interactive: boolean;
  readonly columns: number;
  /** Colours text for stdout, unless NO_COLOR, --no-color or a pipe says otherwise. */
  style(style: Style, text: string): string;
  /** The command's result: the document with --json, else the text. */
  result(document: unknown, text: string): void;
  /** A line on stderr. */
  note(line: string): void;
  /** Redraws the status line on stderr; an empty string removes it. */
  statusLine(text: string): void;
  /** `about`: a document that tells more than the error, which with --json stands in it. */
  error(error: HoldfastError, about?: unknown): void;
  /** The stack of a defect, for its report: only with HOLDFAST_DEBUG. */
  trace(thrown: unknown): void;
  /** Waits until stdout has taken everything. Errors: OutputFailed, when it did not; a reader that has gone away is none. */
  flush(): Promise<void>;
}

export interface TerminalOptions {
  readonly json: boolean;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** Wide enough for every table of this command line; what is not a terminal has no width. */
const columnsElsewhere = 100;
/** Narrower than this, a status line says nothing any more. */
const fewestColumns = 20;

/** Writes to these streams, whose failures from now on end no process: a backup must not die because its reader did. */
export function createTerminal({ json, stdout, stderr }: TerminalOptions): Terminal {
  const interactive = stderr.isTTY === true && !json;
  let statusShown = false;
  let outputFailure: NodeJS.ErrnoException | undefined;
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    outputFailure ??= error;
  });
  stderr.on("error", () => undefined);

  const clearStatus = (): void => {
    if (!statusShown) return;
    stderr.write("\r\u001b[2K");
    statusShown = false;
  };
  const styleFor = (stream: NodeJS.WriteStream, style: Style, text: string): string =>
    styleText(style, text, { stream, validateStream: true });
  const note = (line: string): void => {
    clearStatus();
    stderr.write(`${line}\n`);
  };

  return {
    json,
    interactive,
    get columns() {
      return stdout.columns ?? columnsElsewhere;
    },
    style: (style, text) => styleFor(stdout, style, text),
    result(document, text) {
      clearStatus();
      const output = json ? JSON.stringify(document, null, 2) : text;
      if (output !== "") stdout.write(output.endsWith("\n") ? output : `${output}\n`);
    },
    note,
    statusLine(text) {
      clearStatus();
      if (!interactive || text === "") return;
      // The last column stays free: a terminal would wrap there, and the line could not be removed.
      stderr.write(text.slice(0, Math.max(fewestColumns, (stderr.columns ?? columnsElsewhere) - 1)));
      statusShown = true;
    },
    error(error, about) {
      clearStatus();
      if (json) {
        const { name, code, message, hint, details, exitCode } = error;
        const around = typeof about === "object" ? about : {};
        stdout.write(`${JSON.stringify({ ...around, error: { name, code, message, hint, details, exitCode } }, null, 2)}\n`);
      }
      note(`${styleFor(stderr, ["red", "bold"], "error")} ${error.message} (${error.name}, ${error.code})`);
      // A tool's own words are often part of the message already.
      for (const detail of error.details.filter((line) => !error.message.includes(line))) note(`  ${detail}`);
      note(`${styleFor(stderr, "cyan", "hint")}  ${error.hint}`);
    },
    trace(thrown) {
      if (thrown instanceof Error) note(thrown.stack ?? thrown.message);
    },
    async flush() {
      if (outputFailure === undefined) await drain(stdout);
      if (outputFailure === undefined || outputFailure.code === "EPIPE") return;
      throw new HoldfastError("OutputFailed", `the result could not be written to standard output: ${outputFailure.code}`, {
        cause: outputFailure,
      });
    },
  };
}

/** Resolves once everything was written, or could not be; the stream's own `error` event tells which. */
function drain(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write("", () => setImmediate(resolve));
  });
}
