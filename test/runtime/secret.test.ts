import { describe, expect, it } from "vitest";
import { redact, Secret } from "../../src/runtime/secret.ts";

const hide = (text: string, values: readonly string[], names: readonly string[] = []): string =>
  redact(
    text,
    values.map((value) => new Secret(value)),
    names,
  );

describe("redact", () => {
  it.each([
    ["login failed for hunter22", ["hunter22"], [], "login failed for [redacted]"],
    ["in%20hunter%2022", ["hunter 22"], [], "in%20[redacted]"],
    ["xxhunter22xx", ["hunter22"], [], "xx[redacted]xx"],
    // A short one is hidden as a word, not within others.
    ["backup of shop: workshop", ["shop"], [], "backup of [redacted]: workshop"],
    ["postgres://u:shop@h/shop", ["shop"], [], "postgres://u:[redacted]@h/[redacted]"],
    // Nor can one of two letters be hidden by hiding it.
    ["a backup failed", ["a"], [], "a backup failed"],
    // Names of the policy stay, where they are names.
    ["backup of shop failed: shop-eu, workshop", ["shop"], ["shop"], "backup of shop failed: shop-eu, workshop"],
    ["backup of postgres failed", ["postgres"], ["postgres"], "backup of postgres failed"],
    ["shop said shop-2026!secret", ["shop-2026!secret"], ["shop"], "shop said [redacted]"],
    ["my shop secret", ["my shop secret"], ["shop"], "[redacted]"],
    ["a (b.c)? d", ["(b.c)?"], [""], "a [redacted] d"],
    ["", ["x"], ["y"], ""],
  ])("of %j without %j and with the names %j gives %j", (text, values, names, expected) => {
    expect(hide(text, values, names)).toBe(expected);
  });
});
