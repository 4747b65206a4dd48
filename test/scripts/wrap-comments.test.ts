import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { maxColumns, wrapComments } from "../../scripts/wrap-comments.ts";

const long = "Runs the command and waits for its end, however long it takes; a signal ends it, and then";
const words = (text: string): string[] => text.split(/[\s*/]+/).filter((word) => word !== "");

describe("a wide comment", () => {
  it("of one line becomes a block", () => {
    expect(wrapComments(`  /** ${long} its group. */\n  run();\n`)).toBe(`  /**\n   * ${long} its\n   * group.\n   */\n  run();\n`);
  });

  it.each([
    [`// ${long} its own group.`, `// ${long} its own\n// group.`],
    [`/**\n * ${long} its own group of\n * processes.\n */`, `/**\n * ${long} its own\n * group of processes.\n */`],
    [`/**\n * ${long} its own group.\n * Errors: none.\n */`, `/**\n * ${long} its own\n * group.\n * Errors: none.\n */`],
    [`// - ${long} its own group.`, `// - ${long} its\n//   own group.`],
    [`// ${long} \`a b c d\`.`, `// ${long}\n// \`a b c d\`.`],
  ])("is wrapped: %s", (text, wrapped) => {
    expect(wrapComments(text)).toBe(wrapped);
  });

  it.each([
    `run(); // ${long} its own group.`,
    `const text = \`\n// ${long} its own group.\n\`;`,
    `const text = \`\${a({ b: "}" })}\n/** ${long} its own group. */\n\`;`,
    `// biome-ignore lint/style/x: ${long} its own group.`,
    `// | a | ${long} its own group |`,
    `// https://example.org/${"x".repeat(120)}`,
  ])("is left as it is where wrapping would change more: %s", (text) => {
    expect(wrapComments(text)).toBe(text);
  });

  it.each(["const a = /[`\"']/;", 'const b = "`";', "// it's `odd", "const c = 1 / 2; // `"])(
    "is found behind quotes and backticks that open nothing: %s",
    (before) => {
      expect(wrapComments(`${before}\n\n/** ${long} its own group. */`)).toBe(
        `${before}\n\n/**\n * ${long} its own\n * group.\n */`,
      );
    },
  );
});

describe("wrapping", () => {
  const word = fc.stringMatching(/^[A-Za-z][a-z,.:;]{0,14}$/);
  const line = fc.array(word, { minLength: 1, maxLength: 40 }).map((each) => each.join(" "));
  const block = fc.tuple(fc.constantFrom("", "  ", "    "), fc.array(line, { minLength: 1, maxLength: 5 }), fc.boolean());
  const source = fc
    .array(block, { maxLength: 5 })
    .map((blocks) =>
      blocks
        .flatMap(([indent, lines, slashes]) =>
          slashes
            ? [...lines.map((each) => `${indent}// ${each}`), `${indent}code();`]
            : [`${indent}/**`, ...lines.map((each) => `${indent} * ${each}`), `${indent} */`, `${indent}code();`],
        )
        .join("\n"),
    );

  it("keeps every word in its order, leaves no wide line, and has nothing to do the second time", () => {
    fc.assert(
      fc.property(source, (text) => {
        const wrapped = wrapComments(text);
        expect(words(wrapped)).toEqual(words(text));
        expect(wrapped.split("\n").filter((each) => each.length > maxColumns)).toEqual([]);
        expect(wrapComments(wrapped)).toBe(wrapped);
      }),
      { numRuns: 500, seed: 20261128 },
    );
  });
});
