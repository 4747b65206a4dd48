/**
 * The commands that the pages tell people to type exist: programs, commands, options, parameters,
 * machines, inputs.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { machineNames } from "../../infra/machine-names.ts";
import { buildProgram } from "../../src/cli/program.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import { pages, root, typedIn } from "./pages.ts";

const typed = pages.flatMap((page) => typedIn(page).map((line) => [page.path, line] as const));

/** Each page's matches of `pattern` (its first group) that are not in `known`. */
function unknown(pattern: RegExp, known: Iterable<string>): string[] {
  const there = new Set(known);
  return found(pattern)
    .filter(([, word]) => !there.has(word))
    .map(([path, word]) => `${path}: ${word}`);
}

function found(pattern: RegExp): (readonly [string, string])[] {
  return typed.flatMap(([path, line]) => [...line.matchAll(pattern)].map((match) => [path, match[1] ?? ""] as const));
}

describe("npm and osls, as the pages have them typed", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };
  const parametersOf = (file: string): string[] => {
    const service = parse(readFileSync(join(root, file), "utf8")) as { params: { default: Record<string, string> } };
    return Object.keys(service.params.default);
  };

  test("npm scripts exist", () => {
    expect(found(/npm run (?:-s )?([a-z:-]+)/g).length).toBeGreaterThan(3);
    expect(unknown(/npm run (?:-s )?([a-z:-]+)/g, Object.keys(scripts))).toEqual([]);
  });

  test("parameters are those of serverless.yml, or of serverless.vault.yml", () => {
    expect(found(/--param=([A-Za-z]+)=/g).length).toBeGreaterThan(5);
    expect(unknown(/--param=([A-Za-z]+)=/g, [...parametersOf("serverless.yml"), ...parametersOf("serverless.vault.yml")])).toEqual(
      [],
    );
  });

  test("osls is asked for what it has", () => {
    expect(unknown(/\bosls ([a-z]+)/g, ["deploy", "package", "preflight", "remove", "rollback"])).toEqual([]);
  });
});

describe("AWS, as the pages have it typed", () => {
  test("state machines exist", () => {
    const machines = /stateMachine:holdfast-(?:prod|local)-([a-z-]+)/g;
    expect(new Set(found(machines).map(([, name]) => name)).size).toBeGreaterThan(0);
    expect(unknown(machines, machineNames)).toEqual([]);
  });

  test("files that commands take are in the repository", () => {
    const files = /file:\/\/((?:events|infra)\/[\w./-]+)/g;
    const missing = found(files).filter(([, file]) => !existsSync(join(root, file)));
    expect(found(files).length).toBeGreaterThan(0);
    expect(missing).toEqual([]);
  });

  test("inputs that are written out are JSON", () => {
    for (const [, input] of found(/--input '([^']+)'/g)) expect(() => JSON.parse(input)).not.toThrow();
  });
});

describe("holdfast, as the pages have it typed", () => {
  const program = buildProgram({} as Terminal, { end: () => undefined, help: () => undefined });
  const longNames = (command: Command): string[] => command.options.flatMap(({ long }) => (long == null ? [] : [long]));
  const everywhere = [...longNames(program), "--help"];

  /** The words after `holdfast` in what somebody types, up to a comment or the next command. */
  const calls = found(/(?:^|[\s'"(]|-- )holdfast ((?:--?[a-z]|[a-z])[^#|&;)]*)/g).map(
    ([path, words]) => [path, words.trim().split(/\s+/)] as const,
  );

  /**
   * The command that the words name behind the options of the whole program, which may also stand
   * alone; undefined where there is no such command.
   */
  function commandOf(words: readonly string[]): Command | undefined {
    let at = 0;
    while (words[at]?.startsWith("--")) {
      const option = program.options.find(({ long }) => long === words[at]?.split("=")[0]);
      at += option?.required === true && !words[at]?.includes("=") ? 2 : 1;
    }
    const name = words[at];
    if (name === "help" || (name === undefined && at > 0)) return program;
    return program.commands.find((candidate) => candidate.name() === name);
  }

  test("are found by these tests", () => {
    expect(calls.length).toBeGreaterThan(60);
  });

  test("commands exist", () => {
    const strange = calls.filter(([, words]) => commandOf(words) === undefined);
    expect(strange.map(([path, words]) => `${path}: holdfast ${words.join(" ")}`)).toEqual([]);
  });

  test("options exist", () => {
    const strange = calls.flatMap(([path, words]) => {
      const command = commandOf(words);
      const own = command === undefined ? [] : [command, ...(command === program ? [] : command.commands)].flatMap(longNames);
      return words
        .map((word) => word.split("=")[0] ?? "")
        .filter((word) => /^--[a-z]/.test(word) && ![...everywhere, ...own].includes(word))
        .map((option) => `${path}: ${words.join(" ")}: ${option}`);
    });
    expect(strange).toEqual([]);
  });
});
