/**
 * What a run of vitest says of its failures, for the end of `npm test`: all that an error knows. A
 * failure that comes once in a hundred runs is read there or nowhere.
 */
import { relative } from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { TestModule, TestSuite } from "vitest/node";
import { projectDirectory } from "./cache-directory.ts";

/** An error as vitest brings it out of a worker: with every field that it had. */
export interface ThrownError {
  readonly name?: string;
  readonly message?: string;
  readonly stack?: string;
  /** Of an assertion: what was expected and what came, line by line. */
  readonly diff?: string;
  /** Of a HoldfastError. */
  readonly details?: unknown;
  readonly hint?: unknown;
  readonly cause?: unknown;
}

const maxStackLines = 12;
const maxLines = 100;
const maxLineCharacters = 300;
/** Causes of causes; an error may be its own cause. */
const maxCauses = 5;

/** Every failed or skipped test, every failed file or suite, and errors outside of tests. */
export function describeFailures(modules: readonly TestModule[], unhandled: readonly ThrownError[]): string[] {
  const found: string[] = [];
  const note = (module: TestModule, name: string, errors: readonly ThrownError[]): void => {
    const file = relative(projectDirectory, module.moduleId);
    found.push(`${[file, ...(name === "" ? [] : [name])].join(": ")}\n${describeErrors(errors)}`);
  };
  for (const module of modules) {
    if (module.errors().length > 0) note(module, "", module.errors());
    for (const suite of module.children.allSuites()) {
      if (suite.errors().length > 0) note(module, `${nameOf(suite)} (hook)`, suite.errors());
    }
    for (const test of module.children.allTests()) {
      const { state, errors } = test.result();
      if (state !== "passed") note(module, `${nameOf(test)} (${state})`, errors ?? []);
    }
  }
  return [...found, ...unhandled.map((error) => `outside of tests\n${describeErrors([error])}`)];
}

const nameOf = ({ fullName }: Pick<TestSuite, "fullName">): string => fullName.replaceAll(" > ", " ");

/** An error's message, details, hint, causes, difference and stack, as indented lines. */
export function describeErrors(errors: readonly ThrownError[]): string {
  return errors
    .flatMap((error) => linesOf(error))
    .slice(0, maxLines)
    .map((line) => `    ${line.slice(0, maxLineCharacters)}`)
    .join("\n");
}

function linesOf(error: ThrownError, depth = 0): string[] {
  const { name = "Error", message = "", stack = "", diff, details, hint, cause } = error;
  // Where a stack was cut off from its message, its lines are all that is not the message.
  const frames = stack.split("\n").filter((line) => /^\s+at /.test(line));
  return [
    ...`${name}: ${message}`.split("\n"),
    ...(Array.isArray(details) ? details.flatMap((line) => `  ${String(line)}`.split("\n")) : []),
    ...(typeof hint === "string" ? [`  hint: ${hint}`] : []),
    ...(diff === undefined ? [] : stripVTControlCharacters(diff).split("\n")),
    ...frames.slice(0, depth === 0 ? maxStackLines : 2),
    ...(cause === undefined || cause === null || depth >= maxCauses ? [] : causeLines(cause, depth + 1)),
  ];
}

function causeLines(cause: unknown, depth: number): string[] {
  const [first = "", ...rest] = typeof cause === "object" ? linesOf(cause as ThrownError, depth) : [String(cause)];
  return [`caused by ${first}`, ...rest];
}
