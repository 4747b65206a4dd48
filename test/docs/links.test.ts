/** Links between the pages lead somewhere. */
import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";
import { anchorsOf, linksOf, type Page, pages, root } from "./pages.ts";

const internal = (page: Page): string[] => linksOf(page).filter((link) => !/^[a-z]+:/.test(link));

/** What is wrong with a link; undefined when nothing is. */
function problemOf(page: Page, link: string): string | undefined {
  const [file = "", anchor] = link.split("#");
  const path = file === "" ? page.path : normalize(join(dirname(page.path), file));
  if (!existsSync(join(root, path))) return `${link}: there is no ${path}`;
  if (anchor === undefined) return undefined;
  const target = pages.find((candidate) => candidate.path === path);
  return target !== undefined && anchorsOf(target).has(anchor) ? undefined : `${link}: ${path} has no such heading`;
}

describe("links between pages", () => {
  test("are found by these tests", () => {
    expect(pages.flatMap(internal).length).toBeGreaterThan(60);
    expect(problemOf({ path: "docs/x.md", text: "" }, "nowhere.md")).toContain("there is no docs/nowhere.md");
    expect(problemOf({ path: "docs/x.md", text: "" }, "operations.md#nothing")).toContain("no such heading");
  });

  test.each(pages.map((page) => [page.path, page] as const))("%s leads to pages and headings that are there", (_, page) => {
    expect(internal(page).flatMap((link) => problemOf(page, link) ?? [])).toEqual([]);
  });

  test("docs/README.md names every page of docs/", () => {
    const index = pages.find(({ path }) => path === "docs/README.md");
    const named = index === undefined ? [] : linksOf(index);
    const own = pages.map(({ path }) => path).filter((path) => /^docs\/[a-z-]+\.md$/.test(path));
    expect(own.map((path) => path.slice("docs/".length)).filter((path) => !named.includes(path))).toEqual([]);
  });
});
