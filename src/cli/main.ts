/**
 * The command line's door: parses the arguments, runs one command, turns its outcome or error into
 * output and an exit code.
 */

import type { Command } from "commander";
import { builtInEngines, type EngineRegistry } from "../engines/engine-registry.ts";
import { exitCodes } from "../errors/exit-codes.ts";
import { HoldfastError, toHoldfastError } from "../errors/holdfast-error.ts";
import { buildProgram } from "./program.ts";
import { createTerminal, type Terminal } from "./terminal.ts";
import { commandOf, usageHint } from "./usage-hint.ts";

/**
 * Runs `holdfast` with these arguments (without node and script) and gives the exit code
 * (docs/command-line.md). Never throws: whatever goes wrong is printed as an error of the
 * catalogue, without a stack trace.
 */
export async function main(args: readonly string[], engines: EngineRegistry = builtInEngines): Promise<number> {
  // Known before the arguments are parsed, so that an error in them is printed as asked for too.
  const { stdout, stderr } = process;
  const terminal = createTerminal({ json: args.includes("--json"), stdout, stderr });
  let exitCode: number = exitCodes.done;
  const help: string[] = [];
  let program: Command | undefined;
  const release = catchCrashes(terminal);
  try {
    const end = (code: number): void => {
      exitCode = code;
    };
    program = buildProgram(terminal, { end, help: (text) => help.push(text) }, engines);
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    exitCode = reportError(terminal, error, {
      help: help.join(""),
      hintFor: hintFor(program, args),
      unknown: unknownTopic(program, args),
    });
  }
  try {
    await terminal.flush();
  } catch (error) {
    const failure = toHoldfastError(error);
    terminal.error(failure);
    return failure.exitCode;
  } finally {
    release();
  }
  return exitCode;
}

/**
 * An error that nobody awaited (in a library's callback, say) ends the process as an error of the
 * catalogue: with one document for --json, and without a stack trace. What was half done is left to
 * the sweep, as after a kill. Returns what ends this.
 */
function catchCrashes(terminal: Terminal): () => void {
  const onCrash = (thrown: unknown): void => {
    process.exit(reportError(terminal, thrown, { help: "", hintFor: () => undefined }) || exitCodes.failed);
  };
  process.on("uncaughtException", onCrash);
  return () => process.off("uncaughtException", onCrash);
}

type HintFor = (complaint: { readonly code: string; readonly message: string }) => string | undefined;

function hintFor(program: Command | undefined, args: readonly string[]): HintFor {
  return (complaint) => (program === undefined ? undefined : usageHint(program, args, complaint));
}

/** What `help` was asked about, where that is not a command: commander then shows all commands. */
function unknownTopic(program: Command | undefined, args: readonly string[]): string | undefined {
  const at = args.indexOf("help");
  const topic = args[at + 1];
  if (program === undefined || at < 0 || topic === undefined || topic.startsWith("-")) return undefined;
  return commandOf(program, args.slice(0, at)).commands.some((each) => each.name() === topic) ? undefined : topic;
}

interface Explained {
  /** What commander wrote. */
  readonly help: string;
  readonly hintFor: HintFor;
  readonly unknown?: string | undefined;
}

function reportError(terminal: Terminal, thrown: unknown, { help, hintFor: hint, unknown }: Explained): number {
  const ending = commanderEnding(thrown, hint, unknown);
  if (ending === "told") {
    terminal.result({ text: help }, linesOf(help));
    return exitCodes.done;
  }
  if (ending === "no command" && !terminal.json) {
    for (const line of linesOf(help)) terminal.note(line);
    return exitCodes.usage;
  }
  const error = ending === "no command" ? new HoldfastError("UsageInvalid", "no command was given") : toHoldfastError(thrown);
  const shown = ending instanceof HoldfastError ? ending : error;
  terminal.error(shown);
  if (shown.name === "Internal" && process.env["HOLDFAST_DEBUG"] !== undefined) terminal.trace(thrown);
  return shown.exitCode;
}

/** A text of our own, which ends with a newline. */
function linesOf(text: string): readonly string[] {
  return text.trimEnd().split("\n");
}

/**
 * Commander throws to end the run: when it was asked for help or the version ("told"), when it was
 * given nothing to do, and when it complains, which becomes an error of the catalogue. Undefined:
 * it was not commander.
 */
function commanderEnding(
  thrown: unknown,
  hintFor: HintFor,
  unknown: string | undefined,
): HoldfastError | "told" | "no command" | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown) || !String(thrown.code).startsWith("commander.")) return undefined;
  if (thrown.code === "commander.helpDisplayed" || thrown.code === "commander.version") return "told";
  if (thrown.code === "commander.help" && unknown !== undefined) {
    const message = `unknown command '${unknown}'`;
    return new HoldfastError("UsageInvalid", message, { hint: hintFor({ code: "commander.unknownCommand", message }) });
  }
  // `holdfast` and `holdfast hold` end with exit code 1, `holdfast help` with 0.
  if (thrown.code === "commander.help") return "exitCode" in thrown && thrown.exitCode === 0 ? "told" : "no command";
  const [message = "", ...details] = thrown.message
    .replace(/^error: /, "")
    .replace(/\.$/, "")
    .split("\n");
  const hint = hintFor({ code: String(thrown.code), message });
  // The hint says what commander guesses in brackets.
  const further = details.filter((detail) => !/^\(Did you mean/.test(detail));
  return new HoldfastError("UsageInvalid", message, { details: further, hint });
}
