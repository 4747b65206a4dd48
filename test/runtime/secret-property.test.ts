/** Apart from the examples, because two thousand texts take seconds. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redact, Secret } from "../../src/runtime/secret.ts";

const hide = (text: string, values: readonly string[], names: readonly string[] = []): string =>
  redact(
    text,
    values.map((value) => new Secret(value)),
    names,
  );

describe("redact", () => {
  it("leaves nothing of a long secret that is no name, whatever stands around it", () => {
    const text = fc.string({ unit: "binary", maxLength: 10 });
    const secret = fc.string({ unit: "grapheme", minLength: 8, maxLength: 20 });
    fc.assert(
      fc.property(
        text,
        secret,
        text,
        fc.array(fc.string({ minLength: 1, maxLength: 5 }), { maxLength: 3 }),
        (before, value, after, names) => {
          fc.pre(names.every((name) => !value.startsWith(name) && !(before + value).includes(name)));
          expect(hide(before + value + after, [value], names)).not.toContain(value);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
