/** How the demo talks: headings, a sentence or two, and commands as a person would type them. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { styleText } from "node:util";
import { projectDirectory } from "../scripts/cache-directory.ts";

type Style = Parameters<typeof styleText>[0];

const paint = (style: Style, text: string): string => styleText(style, text, { stream: process.stdout, validateStream: true });
const print = (text: string): void => void process.stdout.write(`${text}\n`);

interface Step {
  readonly title: string;
  readonly seconds: number;
  readonly outcome: string;
}

export interface Story {
  heading(title: string): void;
  say(...lines: readonly string[]): void;
  /** Shows a file's text, indented. */
  quote(text: string): void;
  /**
   * Runs `holdfast` with these arguments in the demo's directory, its output as it comes. Throws
   * when the exit code is not the expected one: the demo never claims what did not happen.
   */
  holdfast(args: readonly string[], expectation?: { readonly exitCode: number }): Promise<void>;
  /** For the closing table; the seconds are those since the last note. */
  note(title: string, outcome: string): void;
  table(): void;
}

export class DemoInterrupted extends Error {}

/** `directory` is where commands run, `env` their environment; `signal` ends a running command. */
export function createStory(directory: string, env: NodeJS.ProcessEnv, signal: AbortSignal): Story {
  const steps: Step[] = [];
  let chapter = 0;
  let lastNote = performance.now();
  return {
    heading(title) {
      chapter += 1;
      const text = ` ${chapter}  ${title} `;
      print(`\n${paint(["bold", "inverse"], text)}\n`);
    },
    say: (...lines) => print(lines.map((line) => paint("dim", line)).join("\n")),
    quote: (text) => print(text.trimEnd().replaceAll(/^/gm, "    ")),
    async holdfast(args, { exitCode } = { exitCode: 0 }) {
      print(`\n${paint(["bold", "green"], "$")} ${paint("bold", ["holdfast", ...args].map(quoteForShell).join(" "))}`);
      const found = await runHoldfast(args, directory, env, signal);
      if (signal.aborted) throw new DemoInterrupted();
      if (found !== exitCode)
        throw new Error(`holdfast ${args.join(" ")} ended with exit code ${found}, and ${exitCode} was expected`);
      if (found !== 0) print(paint("dim", `(exit code ${found})`));
    },
    note(title, outcome) {
      const now = performance.now();
      steps.push({ title, outcome, seconds: (now - lastNote) / 1000 });
      lastNote = now;
    },
    table() {
      const width = Math.max(...steps.map(({ title }) => title.length));
      for (const { title, seconds, outcome } of steps)
        print(`  ${title.padEnd(width)}  ${seconds.toFixed(1).padStart(5)} s  ${outcome}`);
    },
  };
}

function quoteForShell(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}

function runHoldfast(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(projectDirectory, "bin/holdfast.mjs"), ...args], {
      cwd,
      env,
      stdio: ["ignore", "inherit", "inherit"],
    });
    const terminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
    const stop = (): void => {
      // On a terminal Ctrl-C has reached the command by itself, and a second signal would keep it
      // from cleaning up.
      if (signal.reason !== "SIGINT" || !terminal) child.kill("SIGTERM");
    };
    signal.addEventListener("abort", stop, { once: true });
    child.once("error", reject);
    child.once("close", (code) => {
      signal.removeEventListener("abort", stop);
      resolve(code ?? 130);
    });
  });
}
