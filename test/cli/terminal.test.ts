import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createTerminal } from "../../src/cli/terminal.ts";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { type FakeStreamOptions, fakeStream } from "./fake-stream.ts";

const escapeCode = "\u001b";

function open(json: boolean, out: FakeStreamOptions = {}, err: FakeStreamOptions = {}) {
  const stdout = fakeStream(out);
  const stderr = fakeStream(err);
  return { terminal: createTerminal({ json, stdout: stdout.stream, stderr: stderr.stream }), stdout, stderr };
}

const failure = new HoldfastError("DumpFailed", "pg_dump ended with exit code 1: connection lost", {
  details: ["connection lost", "second line of its words"],
});

beforeEach(() => {
  for (const name of ["NO_COLOR", "FORCE_COLOR", "NODE_DISABLE_COLORS"]) vi.stubEnv(name, undefined);
});

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("results", () => {
  test("the lines go to stdout, each with one newline at its end", () => {
    const { terminal, stdout, stderr } = open(false);
    terminal.result({ a: 1 }, ["done"]);
    terminal.result({}, ["a", "", "b"]);
    terminal.result({}, []);
    expect(stdout.text()).toBe("done\na\n\nb\n");
    expect(stderr.text()).toBe("");
  });

  test("with --json the document goes there instead", () => {
    const { terminal, stdout } = open(true);
    terminal.result({ backups: [] }, ["no backups"]);
    expect(JSON.parse(stdout.text())).toEqual({ backups: [] });
  });
});

describe("errors", () => {
  test("say what, the tool's other words, and the hint, on stderr", () => {
    const { terminal, stdout, stderr } = open(false);
    terminal.error(failure);
    expect(stdout.text()).toBe("");
    expect(stderr.text()).toBe(
      `error pg_dump ended with exit code 1: connection lost (DumpFailed, HF105)\n  second line of its words\nhint  ${failure.hint}\n`,
    );
  });

  test("with --json are one document too, with every detail", () => {
    const { terminal, stdout } = open(true);
    terminal.error(failure);
    expect(JSON.parse(stdout.text())).toEqual({
      error: {
        version: 1,
        class: "DumpFailed",
        message: failure.message,
        hint: failure.hint,
        details: failure.details,
        code: "HF105",
        exitCode: 1,
        retryable: true,
      },
    });
  });
});

describe("colours", () => {
  test("are for terminals only", () => {
    vi.stubEnv("NO_COLOR", undefined);
    const printed = (isTTY: boolean): string => {
      const { terminal, stdout } = open(false, { isTTY });
      terminal.result({}, [terminal.style("red", `damaged ${terminal.style("bold", "now")}`)]);
      return stdout.text();
    };
    expect(printed(true)).toBe(`${escapeCode}[31mdamaged ${escapeCode}[1mnow${escapeCode}[22m${escapeCode}[39m\n`);
    expect(printed(false)).toBe("damaged now\n");
  });

  test("are not wanted where NO_COLOR is set", () => {
    vi.stubEnv("NO_COLOR", "1");
    vi.stubEnv("FORCE_COLOR", undefined);
    const { terminal, stderr } = open(false, { isTTY: true }, { isTTY: true });
    expect(terminal.style("red", "damaged")).toBe("damaged");
    terminal.error(failure);
    expect(stderr.text()).not.toContain(escapeCode);
  });

  test("of stdout and stderr are decided apart: a piped result is plain, its error on the terminal is not", () => {
    const { terminal, stderr } = open(false, { isTTY: false }, { isTTY: true });
    terminal.error(failure);
    expect(terminal.style("green", "proven")).toBe("proven");
    expect(stderr.text()).toContain(`${escapeCode}[`);
  });
});

describe("the status line", () => {
  test("is cleared before anything else is printed, and never wider than the terminal", () => {
    const { terminal, stderr } = open(false, {}, { isTTY: true, columns: 40 });
    terminal.statusLine("x".repeat(100));
    terminal.note("warning: look");
    expect(stderr.text()).toBe(`${"x".repeat(39)}\r${escapeCode}[2Kwarning: look\n`);
  });

  test("is never drawn into a pipe, nor with --json", () => {
    const piped = open(false, {}, { isTTY: false });
    piped.terminal.statusLine("dump");
    const json = open(true, {}, { isTTY: true });
    json.terminal.statusLine("dump");
    expect(piped.stderr.text() + json.stderr.text()).toBe("");
    expect([piped.terminal.interactive, json.terminal.interactive]).toEqual([false, false]);
  });

  test("columns follow the terminal, and have a default elsewhere", () => {
    expect(open(false, { isTTY: true, columns: 72 }).terminal.columns).toBe(72);
    expect(open(false).terminal.columns).toBe(100);
  });
});

describe("output that cannot be written", () => {
  test("a reader that went away is no failure", async () => {
    const { terminal } = open(false, { failure: "EPIPE" });
    terminal.result({}, ["a long list"]);
    await expect(terminal.flush()).resolves.toBeUndefined();
  });

  test("a full disk is, and is told as an error of the catalogue", async () => {
    const { terminal } = open(false, { failure: "ENOSPC" });
    terminal.result({}, ["a long list"]);
    await expect(terminal.flush()).rejects.toMatchObject({
      name: "OutputFailed",
      exitCode: 1,
      message: "the result could not be written to standard output: ENOSPC",
    });
  });

  test("a stderr that is gone ends nothing", async () => {
    const { terminal, stdout } = open(false, {}, { failure: "EPIPE" });
    terminal.note("dump: 1 MB");
    terminal.result({}, ["done"]);
    await terminal.flush();
    expect(stdout.text()).toBe("done\n");
  });
});
