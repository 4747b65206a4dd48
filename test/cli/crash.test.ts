/** An error that nobody awaited still ends as an error of the catalogue. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

test("an uncaught error is one document and no stack trace, with exit code 1", () => {
  const main = JSON.stringify(join(import.meta.dirname, "..", "..", "src", "cli", "main.ts"));
  // A callback that throws while a command, which has just begun, waits for something else.
  const script = `import { main } from ${main}; const running = main(["check", "--policy", "/dev/stdin", "--json"]); queueMicrotask(() => { throw new Error("from a callback"); }); await running;`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
    encoding: "utf8",
    input: "version: 1\n",
  });
  expect(JSON.parse(stdout).error).toMatchObject({ class: "Internal", message: "unexpected failure: from a callback" });
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(status).toBe(1);
});
