/** Completion as the shell does it: bash itself reads the script and is asked what comes next. */
import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { completionScript } from "../../src/cli/commands/completion.ts";
import { buildProgram } from "../../src/cli/program.ts";
import { createTerminal } from "../../src/cli/terminal.ts";
import { fakeStream } from "./fake-stream.ts";

const terminal = createTerminal({ json: false, stdout: fakeStream().stream, stderr: fakeStream().stream });
const program = buildProgram(terminal, { end: () => undefined, help: () => undefined });
const script = completionScript(program, "bash");

/** What bash offers after these words, of which the last is being typed. */
function complete(...words: string[]): string[] {
  const ask = `COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _holdfast; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const ran = spawnSync("bash", ["--norc", "-c", `${script}\n${ask}`, "bash", "holdfast", ...words], { encoding: "utf8" });
  expect(ran.stderr).toBe("");
  expect(ran.status).toBe(0);
  return ran.stdout.split("\n").filter((word) => word !== "");
}

test.each(["bash", "zsh"] as const)("bash can read the script for %s", (shell) => {
  const ran = spawnSync("bash", ["-n"], { input: completionScript(program, shell), encoding: "utf8" });
  expect([ran.status, ran.stderr]).toEqual([0, ""]);
});

test("every command and every option is offered", () => {
  const commands = program.commands.map((command) => command.name());
  expect(complete("")).toEqual(expect.arrayContaining([...commands, "--policy", "--json", "--help"]));
  for (const command of program.commands) {
    const flags = command.options.map(({ long }) => long);
    expect(complete(command.name(), "")).toEqual(expect.arrayContaining(flags));
  }
});

test.each([
  [["re"], ["restore-test", "restore", "report", "requests"]],
  [["hold", "a"], ["add"]],
  [["hold", "add", "--r"], ["--reason"]],
  [
    ["backup", "shop", "--no-"],
    ["--no-verify", "--no-prune", "--no-color"],
  ],
  [["backup", "--kind", "d"], ["differential"]],
  [
    ["completion", ""],
    ["bash", "zsh", "fish", "--policy", "--stack", "--json", "--no-color", "--help"],
  ],
  // The value of an option is no command.
  [["--policy", "list", "sta"], ["status"]],
  [["--json", "pru"], ["prune"]],
  // A backup's name is no command either.
  [["show", "hold", "--js"], ["--json"]],
])("after %j come %j", (words, expected) => {
  expect(complete(...words)).toEqual(expected);
});

test("where a file is meant, the words are left to the shell, which completes files", () => {
  expect(complete("--policy", "")).toEqual([]);
  expect(complete("restore", "shop@latest", "--to", "")).toEqual([]);
  expect(script).toContain("complete -o default -F _holdfast holdfast");
});

test("fish is told every command, its options and their choices", () => {
  const fish = completionScript(program, "fish");
  expect(fish).toContain("complete -c holdfast -n '__fish_use_subcommand' -f -a restore-test ");
  expect(fish).toContain(
    "complete -c holdfast -n '__fish_seen_subcommand_from hold; and not __fish_seen_subcommand_from add remove list' -f -a add ",
  );
  expect(fish).toContain("-l kind -x -a 'full incremental differential log snapshot' ");
  expect(fish).toMatch(/-l policy -r -d 'the policy'/);
  for (const line of fish.trim().split("\n").slice(1)) expect(line).toMatch(/^complete -c holdfast .*-d '(?:[^'\\]|\\.)*'$/);
});
