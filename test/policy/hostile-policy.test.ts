/**
 * Policies that are huge, strange, or made to keep the reader busy: each ends in named problems,
 * and soon.
 */
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isHoldfastError } from "../../src/errors/holdfast-error.ts";
import { loadPolicy } from "../../src/policy/load-policy.ts";
import { packPolicy, unpackPolicy } from "../../src/policy/packed-policy.ts";
import { parsePolicy } from "../../src/policy/parse-policy.ts";
import { lineAt } from "../../src/policy/problem.ts";
import { mayHoldSecret, showValue } from "../../src/policy/secret-text.ts";

const head = "version: 1\nvaults: { main: folder:/srv/vault }\nkeys: { main: file:/srv/main.key }\n";
const sources = "sources:\n  a: { engine: files, path: /x, retention: { keepLast: 1 } }\n";
const lines = (count: number, make: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => `${make(index)}\n`).join("");
const source = (name: string) => `  ${name}: { engine: files, path: /y, retention: { keepLast: 1 } }\n`;

function parse(text: string) {
  return parsePolicy(text, "h.yml", { directory: "/base", home: "/home/ops" });
}

function problemsOf(text: string): readonly string[] {
  try {
    parse(text);
  } catch (error) {
    if (isHoldfastError(error, "PolicyInvalid")) return error.details;
    throw error;
  }
  return [];
}

describe("a name that objects have anyway", () => {
  it.each(["__proto__", '"__proto__"', "&x __proto__"])("%s is refused wherever it stands, and nothing is dropped", (name) => {
    expect(problemsOf(head + sources + source(name))).toEqual([
      expect.stringMatching(/^h\.yml:6:[36]: sources: __proto__ is not allowed as a key or a name$/),
    ]);
    expect(problemsOf(`${head}sources:\n${source(name)}`)[0]).toContain("__proto__ is not allowed");
    expect(problemsOf(head.replace("main: folder", `${name}: folder:/w, main: folder`) + sources)[0]).toContain(
      "__proto__ is not allowed",
    );
    expect(problemsOf(head + sources.replace("path: /x", `path: /x, ${name}: { keepLast: 5 }`))[0]).toContain(
      "__proto__ is not allowed",
    );
  });

  it.each(["constructor", "valueof", "hasownproperty", "prototype", "then"])("%s is a name like any other", (name) => {
    const policy = parse(head + sources + source(name));
    expect(Object.keys(policy.sources)).toEqual(["a", name]);
    expect(policy.sources[name]).toMatchObject({ name, path: "/y" });
  });

  it.each(["toString", "hasOwnProperty"])("%s is refused for its letters, as all names are", (name) => {
    expect(problemsOf(head + sources + source(name))[0]).toContain("is not allowed as a name");
    expect(parse(head + sources).sources[name]).toBeUndefined();
  });

  it.each(["constructor", "__proto__", "toString"])("%s is no vault, key or engine that was not written", (name) => {
    expect(problemsOf(head + sources.replace("path:", `vault: ${name}, path:`))[0]).toContain("there is no vault");
    expect(problemsOf(head + sources.replace("files", name))[0]).toContain("is not allowed; one of");
  });
});

describe("more than a person can read", () => {
  it.each<[string, string]>([
    ["unknown keys", head + sources + lines(55_000, (index) => `k${index}: 1`)],
    [
      "unknown keys in a source",
      `${head}sources:\n  a:\n    engine: files\n    path: /x\n${lines(40_000, (index) => `    k${index}: 1`)}`,
    ],
    ["wrong sources", `${head}sources:\n${lines(8_000, (index) => `  s${index}: { engine: fles, pth: /x }`)}`],
    [
      "wrong list items",
      `${head}${sources}alerts: { critical: [${Array.from({ length: 20_000 }, () => '"slak:x"').join(",")}] }\n`,
    ],
    ["repeated keys", head + sources + lines(50_000, () => "dup: 1")],
    ["merge keys", head + sources + lines(50_000, () => "<<: 1")],
    ["tags", head + sources + lines(30_000, () => "x: !a 1")],
    ["aliases of nothing", `${head}y:\n${lines(5_000, (index) => `  - &a${index} 1\n  - *b${index}`)}${sources}`],
  ])("is counted, not listed: %s", (_, text) => {
    const problems = problemsOf(text);
    expect(problems).toHaveLength(101);
    expect(problems[100]).toMatch(/^h\.yml:\d+:\d+: and \d+ more problems from here on$/);
  });

  it("thousands of aliases are resolved, each to the anchor before it", () => {
    const path = (index: number) => `  s${index}: { engine: files, path: *p, retention: { keepLast: 1 } }`;
    const text = `${head}sources:\n  first: { engine: files, path: &p /one, retention: { keepLast: 1 } }\n${lines(2_000, path)}`;
    const redefined = `  second: { engine: files, path: &p /two, retention: { keepLast: 1 } }\n  third: { engine: files, path: *p, retention: { keepLast: 1 } }\n`;
    const policy = parse(text + redefined);
    expect(Object.keys(policy.sources)).toHaveLength(2_003);
    expect(policy.sources["s1999"]).toMatchObject({ path: "/one" });
    expect(policy.sources["third"]).toMatchObject({ path: "/two" });
  });

  it("an alias within an anchor means what it meant there", () => {
    const text =
      `${head}sources:\n  a: { engine: files, path: &p /one, retention: { keepLast: 1 } }\n` +
      "  b: &b { engine: files, path: *p, retention: { keepLast: 1 } }\n" +
      "  c: { engine: files, path: &p /two, retention: { keepLast: 1 } }\n  d: *b\n";
    expect(parse(text).sources["d"]).toMatchObject({ path: "/one" });
  });
});

describe("a text that is refused before it is parsed", () => {
  it.each<[string, string, string]>([
    ["a NUL", `${head}x: \0\n`, "4:4: the character U+0000 is not allowed in YAML"],
    ["an escape sequence of a terminal", `${head}x: \u001b[31m\n`, "4:4: the character U+001B is not allowed in YAML"],
    ["UTF-16 without a mark", [...(head + sources)].join("\0"), "1:2: the file looks like UTF-16; save it as UTF-8"],
    ["a byte order mark inside", `${head}\uFEFF${sources}`, "4:1: a byte order mark (U+FEFF) may only begin the file"],
    [
      "carriage returns alone",
      (head + sources).replaceAll("\n", "\r"),
      "1:11: a carriage return ends a line only together with a line feed",
    ],
    ["brackets without end", `x: ${"[".repeat(500_000)}`, "1:204: this is nested too deeply"],
    ["braces without end", `x: ${"{a: ".repeat(100_000)}`, "nested too deeply"],
    ["lists in lists", `x:\n${"- ".repeat(100_000)}a\n`, "2:1: this is nested too deeply"],
    ["questions in questions", `${"? ".repeat(100_000)}a\n`, "nested too deeply"],
    ["empty lines", `${head}${"\n".repeat(900_000)}${sources}`, "60000:1: the file has more than 60000 lines"],
    ["a file of a megabyte", "#".repeat(1_000_001), "1:1: the file is larger than 1000000 characters"],
  ])("%s", (_, text, problem) => {
    const problems = problemsOf(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });

  it.each([
    ["a byte order mark at its beginning", `\uFEFF${head}${sources}`],
    ["CRLF", (head + sources).replaceAll("\n", "\r\n")],
    ["a comment of a line", `${head}#${"é".repeat(500_000)}\n${sources}`],
    ["brackets in texts", `${head}${sources.replace("/x", '"/x[[[{{{"')}`],
  ])("but not %s", (_, text) => {
    expect(Object.keys(parse(text).sources)).toEqual(["a"]);
  });

  it("nesting by indentation ends in a problem, also where the parser's stack overflows", () => {
    expect(problemsOf(lines(1_300, (index) => `${" ".repeat(index)}a:`))[0]).toMatch(/nested too deeply|larger than|deeper than/);
    expect(problemsOf(`x: ${"[\n".repeat(190)}`)[0]).toMatch(/nested|not closed/);
  });
});

describe("a text that may hold a secret", () => {
  it.each([
    "passw".repeat(200_000),
    `${"password ".repeat(400)}`,
    `token${" ".repeat(4_000)}x`,
    "a:".repeat(2_000),
    "://".repeat(1_300),
  ])("is looked at in time that grows with it alone", (text) => expect(typeof mayHoldSecret(text)).toBe("boolean"));

  it("is not repeated when it is too long to look at", () => {
    expect(showValue("x".repeat(5_000))).toBe("the text (not repeated here)");
    expect(mayHoldSecret("password1: x")).toBe(true);
    expect(mayHoldSecret("passwort   = x")).toBe(true);
  });
});

it("finds the line of every offset", () => {
  const starts = [0, 1, 5, 5, 9];
  for (let offset = 0; offset < 12; offset++) {
    expect(lineAt(starts, offset)).toBe(starts.findLastIndex((start) => start <= offset));
  }
});

it("a file without end is read to the limit", async () => {
  const directory = await mkdtemp(join(tmpdir(), "hf-policy-"));
  try {
    await symlink("/dev/zero", join(directory, "endless.yml"));
    await expect(loadPolicy(join(directory, "endless.yml"))).rejects.toMatchObject({
      name: "PolicyInvalid",
      details: [expect.stringContaining("is larger than 4194304 bytes")],
    });
    await writeFile(join(directory, "utf16.yml"), Buffer.from(`\uFEFF${head}`, "utf16le"));
    await expect(loadPolicy(join(directory, "utf16.yml"))).rejects.toMatchObject({
      details: [expect.stringContaining("save it as UTF-8")],
    });
  } finally {
    await rm(directory, { recursive: true });
  }
});

it("a packed policy that unpacks to gigabytes is refused", () => {
  const packed = packPolicy("#".repeat(20_000_000));
  expect(packed.length).toBeLessThan(65_536);
  expect(() => unpackPolicy(packed)).toThrow("cannot be unpacked");
});
