import { describe, expect, it } from "vitest";
import { packPolicy, unpackPolicy } from "../../src/policy/packed-policy.ts";

const secretBytes = 65_536;

describe("a policy that travels as a secret", () => {
  it("stays as it is written while it fits", () => {
    const text = `# ${"é".repeat((secretBytes - 2) / 2)}`;
    expect(Buffer.byteLength(text)).toBe(secretBytes);
    expect(packPolicy(text)).toBe(text);
    expect(unpackPolicy(text)).toBe(text);
  });

  it("is compressed when it does not fit, and comes back the same", () => {
    const text = Array.from({ length: 4000 }, (_, index) => `  source-${index}: { engine: postgres }\n`).join("");
    const packed = packPolicy(text);
    expect(packed.length).toBeLessThan(secretBytes);
    expect(packed).not.toContain("engine");
    expect(unpackPolicy(packed)).toBe(text);
  });

  it("is refused when it fits neither way", () => {
    let random = 1;
    const noise = Array.from({ length: 100_000 }, () => {
      random = (random * 48_271) % 2_147_483_647;
      return String.fromCharCode(32 + (random % 94));
    }).join("");
    expect(() => packPolicy(noise)).toThrow(
      expect.objectContaining({ name: "PolicyInvalid", hint: expect.stringContaining("Divide") }),
    );
  });

  it("that something else wrote is an error that says so", () => {
    expect(() => unpackPolicy("gzip:bm90IGd6aXA=")).toThrow(
      expect.objectContaining({ name: "PolicyInvalid", message: "the deployed policy cannot be unpacked" }),
    );
  });
});
