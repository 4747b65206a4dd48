/**
 * The runbooks have one form, and what runs them (test/integration/runbooks) notices whatever is
 * not as they say.
 */
import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import { normalise, readRunbook, rewriteRunbook, runSteps } from "../support/runbook.ts";
import { linksOf, pages } from "./pages.ts";

const runbooks = pages.filter(({ path }) => path.startsWith("docs/runbooks/") && !path.endsWith("README.md"));
const index = pages.find(({ path }) => path === "docs/runbooks/README.md");

describe("a runbook", () => {
  test("is in the index, and the index in the documentation", () => {
    expect(runbooks.length).toBeGreaterThanOrEqual(10);
    const listed = index === undefined ? [] : linksOf(index).filter((link) => !link.startsWith(".."));
    expect(listed.toSorted()).toEqual(runbooks.map(({ path }) => path.replace("docs/runbooks/", "")).toSorted());
    const start = pages.find(({ path }) => path === "docs/README.md");
    expect(start && linksOf(start)).toContain("runbooks/README.md");
  });

  test.each(runbooks.map(({ path, text }) => [path, text] as const))(
    "%s has its parts, its first command on the first screen, and no block that nobody runs",
    (_path, text) => {
      const { steps, otherBlocks } = readRunbook(text);
      expect(otherBlocks).toEqual([]);
      expect(steps.length).toBeGreaterThan(2);
      expect(text.slice(0, text.indexOf("```console")).split("\n").length).toBeLessThan(20);
      expect(text).toContain("**You see:**");
      expect(text).toMatch(/\*\*Decide:\*\*/);
      for (const part of ["Do this", "Verify", "Communication", "[Aa]fterwards"])
        expect(text).toMatch(new RegExp(`^## .*${part}`, "m"));
    },
  );
});

describe("what runs them", () => {
  const page = (...lines: string[]) => ["# Page", "", "```console", ...lines, "```", ""].join("\n");
  const run = (...lines: string[]) =>
    runSteps(readRunbook(page(...lines)).steps, { cwd: tmpdir(), env: process.env, replacements: [["/srv", "/nowhere"]] });
  const fits = async (...lines: string[]) => (await run(...lines)).map((result) => result.fits);

  test("takes what differs at every run for equal, and nothing else", async () => {
    expect(await fits("$ echo took 3 s, 4 kB of 2 files", "took 1 min 5 s, 12.5 MiB of 2 files")).toEqual([true]);
    expect(await fits("$ echo took 3 s, 4 kB of 2 files", "took 1 min 5 s, 12.5 MiB of 3 files")).toEqual([false]);
    expect(await fits("$ echo one")).toEqual([false]);
    expect(await fits("$ echo one; echo two", "…", "two")).toEqual([true]);
    expect(await fits("$ echo one; echo two", "…", "three")).toEqual([false]);
    expect(await fits("$ echo one two three", "one … three")).toEqual([true]);
    expect(await fits("$ echo verified", "proven")).toEqual([false]);
  });

  test("notices how a command ends, and what it says on stderr", async () => {
    expect(await fits("$ echo bad >&2; exit 4", "bad")).toEqual([false]);
    expect(await fits("$ echo bad >&2; exit 4", "bad", "(exit code 4)")).toEqual([true]);
    expect(await fits("$ false | cat")).toEqual([false]);
  });

  test("gives later commands the ids that were really there, and the paths", async () => {
    const here = "20270101T000000Z-full-abcdef";
    const written = "20261120T020000Z-full-7k3f9a";
    const results = await run(
      `$ printf '%s%s\\n' 20270101T000000Z -full-abcdef`,
      written,
      `$ echo ${written} /srv/x`,
      `${here} /srv/x`,
    );
    expect(results.map((result) => result.fits)).toEqual([true, true]);
    expect(results[1]?.actual).toEqual([`${here} /srv/x`]);
  });

  test("writes what was printed where it differs, and keeps the page's own words where it does not", async () => {
    const lines = ["$ echo one; echo two", "…", "two", "$ cat <<'END'", "> a", "> END", "b"];
    expect(rewriteRunbook(page(...lines), await run(...lines))).toBe(page(...lines.slice(0, -1), "a"));
  });

  test("knows the names of times, sizes and ids", () => {
    expect(normalise("shop_before_20261128t231648z  2026-11-28T23:16:00.000Z 2026-11-28 14:32 -07:00 5.0 kB (7.3 kB/s)")).toBe(
      "shop_before_<time> <time> <time> <size> (<size>)",
    );
  });
});
