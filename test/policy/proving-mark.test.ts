import fc from "fast-check";
import { expect, test } from "vitest";
import { judgeProving } from "../../src/cli/stack/check-stack.ts";
import { packPolicy, provingOf, unpackPolicy } from "../../src/policy/packed-policy.ts";
import { markProving } from "../../src/policy/proving-mark.ts";

const text = "version: 1\nvaults: { main: s3://acme-backups }\n";
const kinds = ["isolated", "given", "open"] as const;

test("what the deployment decided comes back from the deployed policy, and the policy's text to the byte", () => {
  const long = Array.from({ length: 9_000 }, (_, index) => `# ${index}\n`).join("");
  for (const kind of kinds) {
    for (const written of [
      text,
      text.trimEnd(),
      "",
      `${text}# open\n\n`,
      markProving(text, "open"),
      text.replaceAll("\n", "\r\n"),
      long,
    ]) {
      const packed = packPolicy(written, kind);
      expect(provingOf(packed)).toBe(kind);
      expect(unpackPolicy(packed)).toBe(written);
    }
  }
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), fc.constantFrom(...kinds), (written, kind) => {
      const packed = packPolicy(written, kind);
      expect([provingOf(packed), unpackPolicy(packed)]).toEqual([kind, written]);
    }),
  );
});

test("the last line alone counts, and only a word that is known", () => {
  const others = [
    "",
    text,
    `${markProving(text, "isolated")}\n# more`,
    `${text}\n# holdfast: proving=isolatedX`,
    `${text}\n# holdfast: proving=`,
  ];
  for (const other of others) {
    expect(provingOf(other)).toBeUndefined();
    expect(unpackPolicy(other)).toBe(other);
  }
});

test("a network with a way out, or of which nothing is known, is a warning with a remedy", () => {
  expect(judgeProving("isolated")).toMatchObject({ level: "ok" });
  expect(judgeProving("given")).toMatchObject({ level: "ok", message: expect.stringContaining("nothing here tells") });
  for (const kind of ["open", undefined] as const)
    expect(judgeProving(kind)).toMatchObject({ level: "warning", remedy: expect.stringContaining("--param=proving=isolated") });
});
