/** Every statement of the threat model names the tests that hold it, and those tests exist. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { pages, root } from "./pages.ts";

const text = pages.find(({ path }) => path === "docs/threat-model.md")?.text ?? "";
/**
 * Of the sections whose statements need a test: the assumptions need none, and what is not held has
 * none.
 */
const held = text.slice(text.indexOf("\n## Guarantees\n"), text.indexOf("\n## Not held in this version\n"));

/** A list's items, each with the lines that it goes on over. */
const itemsIn = (section: string): string[] => section.match(/^- .*(?:\n {2}.*)*/gm) ?? [];

const notes = new Map([...text.matchAll(/^\[\^([a-z-]+)\]: (.+)$/gm)].map(([, name = "", note = ""]) => [name, note] as const));

/** The files and titles that a note names: a link to a file of test/, then the titles in it. */
function testsIn(note: string): { readonly file: string; readonly title: string }[] {
  let file = "";
  return [...note.matchAll(/\]\(\.\.\/(test\/[^)]+)\)|"([^"]+)"/g)].flatMap(([, link, title]) => {
    if (link !== undefined) file = link;
    return title === undefined ? [] : [{ file, title }];
  });
}

/** Whether a file has a test, or a group of tests, or a case by name, of that title. */
function hasTest({ file, title }: { readonly file: string; readonly title: string }): boolean {
  const path = join(root, file);
  if (!existsSync(path)) return false;
  const literal = `(["'\`])${title.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}\\1`;
  const called = new RegExp(`(?:\\b(?:it|test|describe)|\\))\\(\\s*${literal}`);
  const listed = new RegExp(`^\\s*\\[?${literal}[:,]`, "m");
  const source = readFileSync(path, "utf8");
  return called.test(source) || listed.test(source);
}

describe("the threat model", () => {
  test("has a note, or says that nothing holds it, for each statement", () => {
    const items = itemsIn(held);
    expect(items.length).toBeGreaterThan(60);
    const bare = items.filter((item) => !/\[\^[a-z-]+\]$|\]\(#not-held-in-this-version\)/.test(item));
    expect(bare).toEqual([]);
  });

  test("uses every note, and has every note that it uses", () => {
    const used = new Set([...text.matchAll(/\[\^([a-z-]+)\](?!:)/g)].map(([, name = ""]) => name));
    expect([...used].sort()).toEqual([...notes.keys()].sort());
  });

  test.each([...notes])("names tests that exist: %s", (_, note) => {
    const tests = testsIn(note);
    expect(tests.length).toBeGreaterThan(0);
    expect(tests.filter((each) => !hasTest(each))).toEqual([]);
  });

  test("would notice a test that was renamed or removed", () => {
    const [first] = testsIn([...notes.values()][0] ?? "");
    expect(first).toBeDefined();
    expect(hasTest({ file: first?.file ?? "", title: `${first?.title} no more` })).toBe(false);
    expect(hasTest({ file: "test/nowhere.test.ts", title: first?.title ?? "" })).toBe(false);
  });
});
