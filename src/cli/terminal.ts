/** What a command prints and where: one JSON document or text on stdout; progress, logs and errors on stderr. */
import { styleText } from "node:util";
import type { HoldfastError } from "../errors/holdfast-error.ts";

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
  error(error: HoldfastError): void;
  /** The stack of a defect, for its report: only with HOLDFAST_DEBUG. */
  trace(thrown: unknown): void;
}

export function createTerminal({ json }: { readonly json: boolean }): Terminal {
  const interactive = process.stderr.isTTY === true && !json;
  let statusShown = false;

  const clearStatus = (): void => {
    if (!statusShown) return;
    process.stderr.write("\r\u001b[2K");
    statusShown = false;
  };
  const styleFor = (stream: NodeJS.WriteStream, style: Style, text: string): string =>
    styleText(style, text, { stream, validateStream: true });
  const note = (line: string): void => {
    clearStatus();
    process.stderr.write(`${line}\n`);
  };

  return {
    json,
    interactive,
    columns: process.stdout.columns ?? 100,
    style: (style, text) => styleFor(process.stdout, style, text),
    result(document, text) {
      clearStatus();
      const output = json ? JSON.stringify(document, null, 2) : text;
      if (output !== "") process.stdout.write(output.endsWith("\n") ? output : `${output}\n`);
    },
    note,
    statusLine(text) {
      clearStatus();
      if (!interactive || text === "") return;
      process.stderr.write(text.slice(0, Math.max(20, (process.stderr.columns ?? 100) - 1)));
      statusShown = true;
    },
    error(error) {
      clearStatus();
      if (json) {
        const { name, code, message, hint, details, exitCode } = error;
        process.stdout.write(`${JSON.stringify({ error: { name, code, message, hint, details, exitCode } }, null, 2)}\n`);
      }
      note(`${styleFor(process.stderr, ["red", "bold"], "error")} ${error.message} (${error.name}, ${error.code})`);
      for (const detail of error.details) note(`  ${detail}`);
      note(`${styleFor(process.stderr, "cyan", "hint")}  ${error.hint}`);
    },
    trace(thrown) {
      if (thrown instanceof Error) note(thrown.stack ?? thrown.message);
    },
  };
}
