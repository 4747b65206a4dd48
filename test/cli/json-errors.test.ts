/** Every command's failures in the one form that docs/json-output.md promises. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { main } from "../../src/cli/main.ts";
import { buildProgram } from "../../src/cli/program.ts";
import { createTerminal } from "../../src/cli/terminal.ts";
import { catalogue } from "../../src/errors/catalogue.ts";
import { errorDocument } from "../../src/errors/error-document.ts";
import { requireErrorDocument } from "../support/error-documents.ts";
import { fakeStream } from "./fake-stream.ts";

const terminal = createTerminal({ json: true, stdout: fakeStream().stream, stderr: fakeStream().stream });
const program = buildProgram(terminal, { end: () => undefined, help: () => undefined });

/**
 * Every command that does something, as it is typed: `hold add`. New commands are among them by
 * themselves.
 */
function leavesOf(command: Command, path: readonly string[] = []): [name: string, command: Command][] {
  const children = command.commands.filter((child) => child.name() !== "help");
  if (children.length === 0) return [[path.join(" "), command]];
  return children.flatMap((child) => leavesOf(child, [...path, child.name()]));
}
const commands = leavesOf(program);

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "hf-json-errors-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Runs a command in this process, and gives its exit code with its one document. */
async function fail(args: readonly string[]) {
  const written: string[] = [];
  const out = vi.spyOn(process.stdout, "write").mockImplementation((chunk, ...rest) => {
    written.push(String(chunk));
    const done = rest.find((each) => typeof each === "function");
    if (done !== undefined) process.nextTick(done);
    return true;
  });
  const err = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  try {
    const exitCode = await main([...args, "--json"]);
    const { error, ...around } = JSON.parse(written.join(""));
    return { exitCode, error: requireErrorDocument(error), around };
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
}

/** A word for each argument, and for each option that must be given. */
function filled(name: string, command: Command): string[] {
  const needed = command.options.filter(({ mandatory }) => mandatory).flatMap(({ long }) => [long ?? "", "x"]);
  // Needed unless something else is asked for.
  if (name === "restore") needed.push("--to", "x");
  return [...name.split(" "), ...command.registeredArguments.map(() => "x"), ...needed];
}

describe.each(commands)("%s", (name, command) => {
  it("complains of its arguments in the one form", async () => {
    const { exitCode, error } = await fail([...name.split(" "), "--nonsense"]);
    expect([exitCode, error.class, error.code]).toEqual([2, "UsageInvalid", "HF201"]);
  });

  // They read no policy, and what they name is of this machine.
  if (["kept", "approver-key"].includes(name)) return;

  it.each(["missing", "wrong"])("fails with a policy that is %s in the one form, and its exit code is the error's", async (how) => {
    const policy = join(directory, `${how}.yml`);
    if (how === "wrong") writeFileSync(policy, "version: 1\nsources: [");
    // These read no policy: init writes one, which must not be there.
    const own = name === "init" ? ["--policy", directory] : [];
    const { exitCode, error } = await fail(["--policy", policy, ...filled(name, command), ...own]);
    expect(exitCode).toBe(error.exitCode);
    const readsNone = ["init", "completion", "follow"].includes(name);
    expect(error.class).toBe(readsNone ? "UsageInvalid" : how === "wrong" ? "PolicyInvalid" : "PolicyNotFound");
  });

  it("fails with a stack's name that is none in the one form", async () => {
    if (["init", "completion", "follow"].includes(name)) return;
    const { exitCode, error } = await fail(["--stack", "no such stack!", ...filled(name, command)]);
    expect([exitCode, error.class]).toEqual([2, "UsageInvalid"]);
  });
});

describe("the one form", () => {
  it("is what every class of the catalogue becomes", () => {
    for (const [name, entry] of Object.entries(catalogue)) {
      expect(requireErrorDocument(errorDocument({ name, message: "it happened" }))).toMatchObject({ class: name, ...entry });
    }
  });

  it("holds for any text, and for classes that are not Holdfast's", () => {
    const name = fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom("States.Timeout", "damaged", "toString", "__proto__"));
    fc.assert(
      fc.property(
        name,
        fc.string({ unit: "binary" }),
        fc.array(fc.string()),
        fc.option(fc.string()),
        (cls, message, details, hint) => {
          const document = errorDocument({ name: cls, message, details, ...(hint === null ? {} : { hint }) });
          const read = requireErrorDocument(JSON.parse(JSON.stringify(document)));
          expect(read).toEqual(document);
          expect("code" in read).toBe(Object.hasOwn(catalogue, cls));
        },
      ),
      { numRuns: 300, seed: 20261128 },
    );
  });
});
