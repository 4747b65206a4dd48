import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson, maxDocumentDepth } from "../../../src/vault/documents/canonical-json.ts";
import { parseDocument } from "../../../src/vault/documents/parse-document.ts";

const parse = (text: string) => parseDocument(Buffer.from(text));
const nested = (levels: number, open = "[", close = "]") => `${open.repeat(levels)}${close.repeat(levels)}`;

describe("parsing a document of the vault", () => {
  it.each<[string, string | Uint8Array, string]>([
    ["nothing", "", "is not JSON"],
    ["half a document", '{"a":1', "is not JSON"],
    ["a byte order mark", "\ufeff{}", "is not JSON"],
    ["what is not UTF-8", Buffer.from([0x22, 0xff, 0x22]), "is not JSON"],
    ["a name twice", '{"a":1,"a":2}', "names a member twice"],
    ["a name twice below a list", '[{"a":{"b":1,"\\u0062":2}}]', "names a member twice"],
    ["__proto__ twice", '{"__proto__":1,"__proto__":2}', "names a member twice"],
    ["a number that is infinite", '{"a":1e999}', "number out of range"],
    ["lists one level too deep", nested(maxDocumentDepth + 1), "levels deep"],
    ["200,000 nested lists", nested(200_000), "levels deep"],
    ["200,000 nested objects", '{"a":'.repeat(200_000), "levels deep"],
    ["a text of five megabytes", JSON.stringify("x".repeat(5_000_000)), "holds a text"],
    ["a name of five megabytes", `{${JSON.stringify("x".repeat(5_000_000))}:1}`, "holds a text"],
    ["six million values", `[${"0,".repeat(6_000_000)}0]`, "values"],
  ])("refuses %s", (_, document, says) => {
    const bytes = typeof document === "string" ? Buffer.from(document) : document;
    expect(parseDocument(bytes).problem).toContain(says);
  });

  it("takes what is as deep as a writer may write, and the writer refuses what is deeper", () => {
    const deepest = nested(maxDocumentDepth);
    const { value, problem } = parse(deepest) as { value: unknown; problem?: string };
    expect(problem).toBeUndefined();
    expect(Buffer.from(canonicalJson(value)).toString()).toBe(deepest);
    expect(() => canonicalJson([value])).toThrowError(expect.objectContaining({ name: "Internal" }));
    let deeper: unknown = [];
    for (let level = 0; level < 200_000; level += 1) deeper = [deeper];
    expect(() => canonicalJson(deeper)).toThrowError(expect.objectContaining({ name: "Internal" }));
  });

  it("counts brackets, colons and commas in texts for nothing, whatever is escaped there", () => {
    const text = String.raw`{"\"[{:,":"\\\\\"","b":"[[[[:::\\"}`;
    expect(parse(text)).toEqual({ value: JSON.parse(text) });
    expect(parse(JSON.stringify("[".repeat(1000)))).toEqual({ value: "[".repeat(1000) });
  });

  it("gives whatever can be written in canonical form back as it was", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const { problem, value: read } = parseDocument(canonicalJson(value)) as { value: unknown; problem?: string };
        expect(problem).toBeUndefined();
        expect(Buffer.compare(canonicalJson(read), canonicalJson(value))).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  it("never throws, and agrees with JSON.parse on what it takes", () => {
    const fragment = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"',
      "\\",
      '"a"',
      '"a":',
      "1",
      "1e400",
      "null",
      "\ud800",
      "\u0000",
      " ",
    );
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 30 }), (fragments) => {
        const bytes = Buffer.from(fragments.join(""));
        const parsed = parseDocument(bytes);
        if (parsed.problem === undefined) expect(parsed.value).toEqual(JSON.parse(bytes.toString()));
      }),
      { numRuns: 2000 },
    );
  });
});
