import { describe, expect, it } from "vitest";
import { problemsOf, smallest, withPostgres } from "./policy-texts.ts";

/** Ten times ten, eight deep: a hundred million values in 300 characters. */
const bomb = [
  "a0: &a0 [x, x, x, x, x, x, x, x, x, x]",
  ...Array.from({ length: 8 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(", ")}]`),
].join("\n");
const star = 'a value that starts with * stands in quotes, such as "*/15 * * * *"';
const colon = 'either a text holds ": " and needs quotes, or the next line is indented too far';
const keyValue = 'a key and its value are written "key: value", with a colon and a space, on one line';

describe("a text that is no YAML", () => {
  it.each([
    ["version: 1\nsources:\n\tshop: 1\n", "3:1: a tab cannot indent; use spaces"],
    ["a:\n  full: */15 * * * *\n", `2:9: ${star}`],
    ["a:\n  full: * * * * *\n", `2:9: ${star}`],
    ["a: { full: * 2 * * * }\n", `1:12: ${star}`],
    ["a:\n  b: 1\n   c: 2\n", `2:6: ${colon}`],
    ["a: select x: y\n", `1:4: ${colon}`],
    [
      "a:\n   b: 1\n  c: 2\n",
      "3:1: the indentation does not fit: all keys of one mapping start in the same column, below the key they belong to",
    ],
    ["version: 1\n---\nversion: 1\n", "2:1: a second document starts here; a policy is one document, so take the --- out"],
    ['a: "b\nc: 2\n', "1:4: a quote is opened here and never closed"],
    ["a: 'b\nc: 2\n", "1:4: a quote is opened here and never closed"],
    ["a: { b: 1, c: 2\nd: 3\n", "2:1: a { or [ above is not closed before this line"],
    ["a: { b: 1 c: 2 }\n", "1:9: inside { } and [ ], entries are separated by commas, and nothing is nested by indentation"],
    ["version\ntimezone: UTC\n", `1:1: ${keyValue}`],
    ["version:1\ntimezone: UTC\n", `1:1: ${keyValue}`],
    ["a: %b\n", "1:4: a value cannot start with %; put it in quotes"],
    ["a: @daily\n", "1:4: a value cannot start with @; put it in quotes"],
    [
      'a: "\\q"\n',
      "1:5: in double quotes, \\ begins an escape sequence, and this one does not exist; write \\\\ or use single quotes",
    ],
    ["}\n", "1:1: this does not belong here; look at the quotes, brackets and colons before it"],
    ["a: |x\n  b\n", "1:5: nothing but a comment may stand behind | or > in its line"],
  ])("%j is explained", (text, problem) => {
    expect(problemsOf(text)).toEqual([`holdfast.yml:${problem}`]);
  });

  it.each(["", "\n\n", "# nothing\n", "~\n", "\uFEFF"])("%j is empty", (text) => {
    expect(problemsOf(text)).toEqual([
      expect.stringMatching(/^holdfast\.yml:1:1: the policy is empty; write one with `holdfast init`$/),
    ]);
  });

  it.each([
    ["hello\n", 'the text "hello"'],
    ["- a\n", "a list"],
    ["5\n", "the number 5"],
  ])("%j is no mapping", (text, found) => {
    expect(problemsOf(text)).toEqual([
      `holdfast.yml:1:1: must be a policy: a mapping with version, vaults, keys and sources, not ${found}`,
    ]);
  });
});

describe("YAML that a policy may not hold", () => {
  const only = (text: string) => problemsOf(text).filter((line) => !line.includes("is required"));

  it.each([
    [`${smallest}version: 2\n`, "11:1: version: stands twice in this mapping; first in line 1"],
    [withPostgres("tier: standard\ntier: critical"), "12:5: sources.shop.tier: stands twice in this mapping; first in line 11"],
    [withPostgres("tier: !env TIER"), '11:16: sources.shop.tier: tags such as "!env" are not allowed; write the plain value'],
    [
      withPostgres("vault: *mian"),
      '11:12: sources.shop.vault: no anchor stands above the alias "*mian"; a text that starts with * stands in quotes',
    ],
    [
      withPostgres("vault: *zon").replace("folder:", "&zone folder:"),
      '11:12: sources.shop.vault: no anchor stands above the alias "*zon"; a text that starts with * stands in quotes; did you mean "zone"?',
    ],
    [
      withPostgres("objectives:\n  <<: { rpo: 1h }"),
      "12:7: sources.shop.objectives: merge keys (<<) are not supported; write the keys out, or use an alias for the whole value",
    ],
    [withPostgres("objectives:\n  ? [a]\n  : b"), "12:9: sources.shop.objectives: a key must be a plain word"],
    [
      withPostgres("restoreTest: { assert: [{ sql: select 1, equals: 12345678901234567890 }] }"),
      '11:54: sources.shop.restoreTest.assert[0].equals: "12345678901234567890" is not a number that can be kept exactly; write it in quotes',
    ],
    [
      withPostgres("restoreTest: { assert: [{ sql: select 1, equals: .nan }] }"),
      '11:54: sources.shop.restoreTest.assert[0].equals: ".nan" is not a number that can be kept exactly; write it in quotes',
    ],
    [`${smallest}__proto__: { timezone: x }\n`, "11:1: __proto__ is not allowed as a key or a name"],
  ])("%j", (text, problem) => {
    expect(only(text)).toContain(`holdfast.yml:${problem}`);
  });

  it.each([
    ["a bomb of aliases", bomb, /the policy has more than 100000 values once its aliases are expanded$/],
    ["an alias of what it stands in", "version: &x\n  a: *x\n", /the policy is nested deeper than 50 levels$/],
    ["nesting without end", `a: ${"[".repeat(20_000)}`, /this is nested too deeply$/],
    ["a hundred levels", `a: ${"[".repeat(100)}${"]".repeat(100)}`, /nested deeper than 50 levels$/],
    ["a file that is no policy", "x".repeat(5_000_000), /the file is larger than 1000000 characters; is it a policy\?$/],
  ])("%s is refused", (_, text, problem) => {
    expect(problemsOf(text)[0]).toMatch(problem);
  });
});
