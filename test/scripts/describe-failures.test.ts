/** Failures as the end of `npm test` shows them: with all that an error knows. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectDirectory } from "../../scripts/cache-directory.ts";
import { describeErrors } from "../../scripts/describe-failures.ts";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { run } from "../support/processes.ts";

describe("an error", () => {
  it("says its details, its hint and every cause", () => {
    const cause = new HoldfastError("DumpFailed", "the tool ended", { cause: new Error("EAGAIN"), details: ["tool: no fork"] });
    const error = new HoldfastError("ThrowawayFailed", "no server", {
      cause,
      details: ["initdb: killed", "two\nlines"],
      hint: "Look.",
    });
    const text = describeErrors([error]);
    for (const part of ["ThrowawayFailed: no server", "  initdb: killed", "  two", "lines", "  hint: Look."]) {
      expect(text.split("\n")).toContain(`    ${part}`);
    }
    expect(text).toMatch(/caused by DumpFailed: the tool ended\n {6}tool: no fork\n/);
    expect(text).toMatch(/caused by Error: EAGAIN/);
  });

  it("that is its own cause, has an endless message or is nothing at all ends too", () => {
    const circle: { message: string; cause?: unknown } = { message: "round" };
    circle.cause = circle;
    expect(describeErrors([circle]).split("\n")).toHaveLength(6);
    const long = describeErrors([new Error("x\n".repeat(10_000)), new Error("y".repeat(10_000))]);
    expect(long.split("\n").length).toBeLessThanOrEqual(100);
    expect(Math.max(...long.split("\n").map((line) => line.length))).toBeLessThanOrEqual(304);
    expect(describeErrors([])).toBe("");
    expect(describeErrors([{ message: "odd", cause: "a string" }])).toContain("caused by a string");
  });
});

describe("a run of vitest", () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "hf-failing-"));
    symlinkSync(join(projectDirectory, "node_modules"), join(directory, "node_modules"));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it("gives each failed test, hook and file with its reason, and what was expected", async () => {
    const imports = 'import { beforeAll, describe, expect, it } from "vitest";\n';
    writeFileSync(
      join(directory, "a.test.ts"),
      `${imports}it("passes", () => {});
       it("differs", () => expect({ check: "disproven", findings: ["table a"] }).toEqual({ check: "proven", findings: [] }));
       it("fails", () => { throw Object.assign(new Error("no server"), { details: ["initdb: killed"], hint: "Look." }); });
       describe("a suite", () => { beforeAll(() => { throw new Error("no database"); }); it("never runs", () => {}); });`,
    );
    writeFileSync(join(directory, "b.test.ts"), 'import "./nowhere.ts";');
    const [configuration, failures] = [join(directory, "vitest.config.ts"), join(directory, "failures.json")];
    writeFileSync(configuration, 'export default { test: { include: ["**/*.test.ts"] } };');
    const reporter = join(projectDirectory, "scripts/failure-reporter.ts");
    const vitest = join(projectDirectory, "node_modules/.bin/vitest");
    const args = ["run", "--root", directory, "--config", configuration, `--reporter=${reporter}`];
    const { code } = await run(vitest, args, { env: { ...process.env, HOLDFAST_TEST_FAILURES: failures } });
    expect(code).toBe(1);
    const found = (JSON.parse(readFileSync(failures, "utf8")) as string[]).sort();
    const file = relative(projectDirectory, directory);
    expect(found.map((text) => text.split("\n")[0])).toEqual([
      `${file}/a.test.ts: a suite (hook)`,
      `${file}/a.test.ts: a suite never runs (skipped)`,
      `${file}/a.test.ts: differs (failed)`,
      `${file}/a.test.ts: fails (failed)`,
      `${file}/b.test.ts`,
    ]);
    const [hook, , differs, fails, unloaded] = found;
    expect(hook).toContain("no database");
    expect(differs).toMatch(/- {3}"check": "proven",\n.*\n.*\+ {3}"check": "disproven",(?:.*\n)*.*"table a"/);
    expect(fails).toMatch(/Error: no server\n {6}initdb: killed\n {6}hint: Look\.\n/);
    expect(unloaded).toContain("nowhere");
  });
});
