/**
 * What a command prints and where: one JSON document or lines on stdout; progress, logs and errors
 * on stderr. The one way to the streams, and where everything that came from outside is made
 * harmless: whatever a line holds beside its own styles is printed, never obeyed.
 */
import { styleText } from "node:util";
import { errorDocument } from "../errors/error-document.ts";
import { HoldfastError } from "../errors/holdfast-error.ts";
import { cutToWidth } from "../report/display-width.ts";
import { markStyle, paintLine } from "../report/styled-text.ts";
import { escapeUnprintable, printableJson } from "../runtime/printable-text.ts";

type Style = Parameters<typeof styleText>[0];

export interface Terminal {
  readonly json: boolean;
  /** Whether stderr is a terminal that can be redrawn. */
  readonly interactive: boolean;
  readonly columns: number;
  /**
   * Text with a style for a line of `result`, unless NO_COLOR, --no-color or a pipe says otherwise.
   * It is a mark until it is printed.
   */
  style(style: Style, text: string): string;
  /**
   * The command's result: the document with --json, else the lines. A line is one line: a newline
   * in it is written out.
   */
  result(document: unknown, lines: readonly string[]): void;
  /** A line on stderr; a newline in it is written out. */
  note(line: string): void;
  /** Redraws the status line on stderr; an empty string removes it. */
  statusLine(text: string): void;
  /** `about`: a document that tells more than the error, which with --json stands in it. */
  error(error: HoldfastError, about?: unknown): void;
  /** The stack of a defect, for its report: only with HOLDFAST_DEBUG. */
  trace(thrown: unknown): void;
  /**
   * Waits until stdout has taken everything. Errors: OutputFailed, when it did not; a reader that
   * has gone away is none.
   */
  flush(): Promise<void>;
}

export interface TerminalOptions {
  readonly json: boolean;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** Wide enough for every table of this command line; what is not a terminal has no width. */
const columnsElsewhere = 100;
/** Narrower than this, a status line says nothing. */
const minColumns = 20;

/**
 * Writes to these streams, whose failures from now on end no process: a backup must not die because
 * its reader did.
 */
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
  const styleFor = (stream: NodeJS.WriteStream, style: Style, text: string): string => {
    const [before = "", after = ""] = styleText(style, "|", { stream, validateStream: true }).split("|");
    return markStyle(before, text, after);
  };
  const note = (line: string): void => {
    clearStatus();
    stderr.write(`${paintLine(line)}\n`);
  };

  return {
    json,
    interactive,
    get columns() {
      return stdout.columns ?? columnsElsewhere;
    },
    style: (style, text) => styleFor(stdout, style, text),
    result(document, lines) {
      clearStatus();
      const output = json ? [printableJson(document)] : lines.map(paintLine);
      if (output.length > 0) stdout.write(`${output.join("\n")}\n`);
    },
    note,
    statusLine(text) {
      clearStatus();
      if (!interactive || text === "") return;
      // The last column stays free: a terminal would wrap there, and the line could not be removed.
      stderr.write(cutToWidth(escapeUnprintable(text), Math.max(minColumns, (stderr.columns ?? columnsElsewhere) - 1)));
      statusShown = true;
    },
    error(error, about) {
      clearStatus();
      if (json) {
        const around = typeof about === "object" ? about : {};
        stdout.write(`${printableJson({ ...around, error: errorDocument(error) })}\n`);
      }
      note(`${styleFor(stderr, ["red", "bold"], "error")} ${error.message} (${error.name}, ${error.code})`);
      // A tool's own words are often part of the message already.
      const details = error.details.flatMap((detail) => detail.split(/\r?\n/));
      for (const detail of details.filter((line) => !error.message.includes(line))) note(`  ${detail}`);
      note(`${styleFor(stderr, "cyan", "hint")}  ${error.hint}`);
    },
    trace(thrown) {
      if (thrown instanceof Error) for (const line of (thrown.stack ?? thrown.message).split("\n")) note(line);
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

/**
 * Resolves once everything was written, or could not be; the stream's own `error` event tells
 * which.
 */
function drain(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write("", () => setImmediate(resolve));
  });
}
