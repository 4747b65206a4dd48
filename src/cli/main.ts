/** The command line's door: parses the arguments, runs one command, turns its outcome or error into output and an exit code. */
import { exitCodes } from "../errors/catalogue.ts";
import { HoldfastError, toHoldfastError } from "../errors/holdfast-error.ts";
import { buildProgram } from "./program.ts";
import { createTerminal, type Terminal } from "./terminal.ts";

/**
 * Runs `holdfast` with these arguments (without node and script) and gives the exit code (design.md, "The command line").
 * Never throws: whatever goes wrong is printed as an error of the catalogue, without a stack trace.
 */
export async function main(args: readonly string[]): Promise<number> {
  // Known before the arguments are parsed, so that an error in them is printed as asked for too.
  const terminal = createTerminal({ json: args.includes("--json") });
  let exitCode: number = exitCodes.done;
  try {
    const program = buildProgram(terminal, (code) => {
      exitCode = code;
    });
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    exitCode = reportError(terminal, error);
  }
  return exitCode;
}

function reportError(terminal: Terminal, thrown: unknown): number {
  const error = commanderError(thrown) ?? toHoldfastError(thrown);
  if (error === "help") return exitCodes.done;
  terminal.error(error);
  if (error.name === "Internal" && process.env["HOLDFAST_DEBUG"] !== undefined) terminal.trace(thrown);
  return error.exitCode;
}

/** Commander prints help and the version itself, and throws to end the run; its complaints become errors of the catalogue. */
function commanderError(thrown: unknown): HoldfastError | "help" | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown) || !String(thrown.code).startsWith("commander.")) return undefined;
  const harmless = ["commander.helpDisplayed", "commander.help", "commander.version"];
  if (harmless.includes(String(thrown.code))) return "help";
  const [message = "", ...details] = thrown.message.replace(/^error: /, "").split("\n");
  return new HoldfastError("UsageInvalid", message, { details });
}
