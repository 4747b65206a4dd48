/**
 * The runbooks, as they are used on the worst day: what they are for has really happened, every
 * command of theirs is run, and prints what they say.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readRunbook, rewriteRunbook, runSteps } from "../../support/runbook.ts";
import { accidents } from "./accidents.ts";
import { createWorld, openScenario, type World } from "./scenario.ts";

const folder = join(import.meta.dirname, "..", "..", "..", "docs", "runbooks");
const pages = readdirSync(folder).filter((name) => name.endsWith(".md") && name !== "README.md");
/** Writes what the commands print into the pages, instead of comparing. */
const isRecording = process.env["HOLDFAST_RECORD_RUNBOOKS"] === "1";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world?.remove());

describe("docs/runbooks", () => {
  test("has an accident for each page, and a page for each accident", () => {
    expect(
      Object.keys(accidents)
        .map((name) => `${name}.md`)
        .sort(),
    ).toEqual([...pages].sort());
  });

  test.each(pages)("%s: every command prints what the page says", { timeout: 900_000 }, async (page) => {
    const path = join(folder, page);
    const text = readFileSync(path, "utf8");
    const { steps, otherBlocks } = readRunbook(text);
    expect(otherBlocks).toEqual([]);
    expect(steps.length).toBeGreaterThan(2);
    await using scenario = await openScenario(world);
    const changes = await accidents[page.replace(/\.md$/, "")]?.(scenario);
    const results = await runSteps(steps, { ...scenario, ...changes });
    if (isRecording) writeFileSync(path, rewriteRunbook(text, results));
    else for (const { command, expected, actual, fits } of results) expect(fits ? expected : actual, command).toEqual(expected);
  });
});
