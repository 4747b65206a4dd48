/** The context of a sealed message: what it must say, to the last member. */
import { describe, expect, it } from "vitest";
import {
  encryptedDataKeyCount,
  encryptionContext,
  findContextProblem,
  frameBytes,
  manifestSuiteOf,
  readContext,
} from "../../src/sealing/message.ts";
import { context } from "./sealing-fixture.ts";

const found = encryptionContext(context);
const members = Object.keys(found);

describe("the context of a sealed message", () => {
  it("has four members, and is read as it was written", () => {
    expect(found).toEqual({
      "holdfast:vault": context.vaultId,
      "holdfast:source": "taskmaster",
      "holdfast:backup": "20261120T020000Z-full-7k3f9a",
      "holdfast:artifact": "archive.dump",
    });
    expect(readContext(found)).toEqual(context);
    expect(findContextProblem(found, context)).toBeUndefined();
  });

  it.each(members)("is none without %s, with another member in its stead or not", (name) => {
    const { [name]: value = "", ...rest } = found;
    for (const other of [rest, { ...rest, [`${name}2`]: value }]) {
      expect(readContext(other)).toBeUndefined();
      expect(findContextProblem(other, context)).toBe("as something else");
    }
  });

  it("is none with one member more", () => {
    expect(readContext({ ...found, extra: "" })).toBeUndefined();
    expect(findContextProblem({ ...found, extra: "" }, context)).toBe("as something else");
  });

  it.each([
    ["source", { source: "payroll" }, "as archive.dump of payroll's backup 20261120T020000Z-full-7k3f9a"],
    ["backup", { backupId: "20261121T020000Z-full-aaaaaa" }, "as archive.dump of taskmaster's backup 20261121T020000Z-full-aaaaaa"],
    ["artifact", { artifact: "globals.sql" }, "as globals.sql of taskmaster's backup 20261120T020000Z-full-7k3f9a"],
    [
      "vault",
      { vaultId: "7".repeat(26) },
      `for another vault (${"7".repeat(26)}; this one is ${context.vaultId}), as archive.dump of taskmaster's backup 20261120T020000Z-full-7k3f9a`,
    ],
  ])("of another %s says which", (_, change, problem) => {
    expect(findContextProblem(encryptionContext({ ...context, ...change }), context)).toBe(problem);
  });
});

it("a frame holds 1 MiB, and each message names one key", () => {
  expect([frameBytes, encryptedDataKeyCount]).toEqual([1_048_576, 1]);
});

it("a manifest's seal is signed where KMS holds the key, and only there", () => {
  expect(manifestSuiteOf("kms:arn:aws:kms:eu-central-1:111122223333:key/x")).toBe(0x0578);
  for (const keyId of ["file:0123456789abcdef", "xkms:", "km", ""]) expect(manifestSuiteOf(keyId)).toBe(0x0478);
});
