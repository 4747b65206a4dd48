/** The door itself: help, version and complaints, each where it belongs and with its exit code. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

const launcher = join(import.meta.dirname, "..", "..", "bin", "holdfast.mjs");
const directory = mkdtempSync(join(tmpdir(), "holdfast-main-"));

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function holdfast(args: readonly string[], shell = '"$@"') {
  const env = { ...process.env, HOME: directory, NO_COLOR: "1", HOLDFAST_POLICY: undefined };
  return spawnSync("bash", ["-c", shell, "bash", process.execPath, launcher, ...args], { cwd: directory, env, encoding: "utf8" });
}

test.each([[["--help"]], [["help"]], [["help", "list"]], [["hold", "help", "add"]], [["list", "--help"]], [["--version"]]])(
  "%j is answered on stdout, with exit code 0",
  (args) => {
    const { status, stdout, stderr } = holdfast(args);
    expect(stdout).toMatch(/^(Usage: holdfast|\d+\.\d+\.\d+)/);
    expect([status, stderr]).toEqual([0, ""]);
    const json = holdfast([...args, "--json"]);
    expect(JSON.parse(json.stdout)).toEqual({ text: stdout });
  },
);

test.each([[[]], [["hold"]]])("%j is no command: its help goes to stderr, with exit code 2", (args) => {
  const { status, stdout, stderr } = holdfast(args);
  expect(stderr).toMatch(/^Usage: holdfast .*Commands:/s);
  expect([status, stdout]).toEqual([2, ""]);
  expect(JSON.parse(holdfast([...args, "--json"]).stdout).error).toMatchObject({ class: "UsageInvalid", exitCode: 2 });
});

test.each([
  [["help", "bakcup"], "bakcup", "holdfast backup"],
  [["hold", "help", "ad"], "ad", "holdfast hold add"],
])("%j says that there is no such command, and names the nearest", (args, given, nearest) => {
  const { status, stdout, stderr } = holdfast(args);
  expect(stderr).toContain(`unknown command '${given}'`);
  expect(stderr).toContain(`Did you mean \`${nearest}\`?`);
  expect([status, stdout]).toEqual([2, ""]);
});

test("a typing error names what was meant", () => {
  const { status, stderr } = holdfast(["bakcup", "shop"]);
  expect(stderr).toContain("unknown command 'bakcup'");
  expect(stderr).toContain("hint  Did you mean `holdfast backup`? All commands: `holdfast help`.");
  expect(status).toBe(2);
});

test.each([
  [["prune", "--dry-rnu"], "Did you mean --dry-run? All options: `holdfast prune --help`."],
  [["restore", "shop@latest", "--to", "x", "--overwrit"], "Did you mean --overwrite? All options: `holdfast restore --help`."],
  [["list", "--polcy", "x"], "Did you mean --policy? All options: `holdfast list --help`."],
  [["list", "--nonsense"], "See the options of this command with `holdfast list --help`."],
  [["frobnicate"], "See the commands with `holdfast help`."],
  [["hold", "ad"], "Did you mean `holdfast hold add`? All commands: `holdfast hold --help`."],
  [["backup"], "Write it as `holdfast backup <source> [options]`; `holdfast backup --help` has examples."],
  [
    ["restore", "shop@latest"],
    "Write it as `holdfast restore <backup> --to <target> [options]`; `holdfast restore --help` has examples.",
  ],
  [
    ["hold", "add", "x"],
    "Write it as `holdfast hold add <backup> --reason <text> [options]`; `holdfast hold add --help` has examples.",
  ],
  [["list", "a", "b"], "Write it as `holdfast list [source] [options]`; `holdfast list --help` has examples."],
  [["completion", "powershell"], "Write it as `holdfast completion <shell> [options]`; `holdfast completion --help` has examples."],
])("%j has a hint of its own", (args, hint) => {
  const { status, stderr } = holdfast(args);
  expect(stderr).toContain(`hint  ${hint}`);
  expect(status).toBe(2);
});

test("a reader that stops reading leaves no stack trace behind", () => {
  const { stderr, status } = holdfast(["--help"], 'set -o pipefail; "$@" | true');
  expect([stderr, status]).toEqual(["", 0]);
});

test("a full disk behind stdout is an error, not a stack trace", () => {
  const { stderr, status } = holdfast(["--help"], '"$@" > /dev/full');
  expect(stderr).toMatch(/^error the result could not be written to standard output: ENOSPC \(OutputFailed, HF116\)\nhint /);
  expect(status).toBe(1);
});

test("init takes its policy back when the key cannot be made, so that it can be tried again", () => {
  const args = ["--policy", "again.yml", "init"];
  expect(holdfast([...args, "--key", "/proc/no/main.key"]).status).toBe(2);
  const second = holdfast([...args, "--key", "again.key", "--json"]);
  expect([second.status, second.stderr]).toEqual([0, ""]);
  expect(JSON.parse(second.stdout).key.created).toBe(true);
});

test("init --key-only makes a key and nothing else, and never a second time", () => {
  const first = JSON.parse(holdfast(["init", "--key-only", "--key", "only.key", "--json"]).stdout);
  expect(first).toEqual({
    key: { path: join(directory, "only.key"), id: expect.stringMatching(/^file:/), publicKey: expect.any(String), created: true },
  });
  const second = JSON.parse(holdfast(["init", "--key-only", "--key", "only.key", "--json"]).stdout);
  expect(second.key).toEqual({ ...first.key, created: false });
});

test.each([
  ["hold", "add"],
  ["hold", "remove"],
  ["hold", "list"],
  ["alert", "test"],
])("%s %s has the examples that hints promise", (...command) => {
  expect(holdfast([...command, "--help"]).stdout).toContain(`Examples:\n  holdfast ${command.join(" ")}`);
});

test("init names the policy in what to type next, where it is not the one that is found by itself", () => {
  const tree = ["--engine", "files", "--source", "tree", "--path", "."];
  expect(holdfast(["init", ...tree]).stdout).toContain("next: `holdfast check`, then `holdfast backup tree`");
  const policy = join(directory, "other.yml");
  expect(holdfast(["--policy", "other.yml", "init", ...tree]).stdout).toContain(`next: \`holdfast --policy ${policy} check\``);
});
