import fc from "fast-check";
import { expect, test } from "vitest";
import { machineNames as deployedNames } from "../../../infra/machine-names.ts";
import { executionName, machineNames, parseExecutionArn, requireStackName } from "../../../src/cli/stack/machine.ts";

const now = new Date("2026-11-21T06:13:00.512Z");

test("the machines are those that are deployed", () => {
  expect([...machineNames].sort()).toEqual([...deployedNames].sort());
});

test("an execution is called after what was asked for, by hand, and when", () => {
  expect(executionName("backup", "shop", now)).toBe("backup-shop-by-hand-20261121T061300Z");
});

test("whatever the source is called, the name is one that Step Functions and the machines take", () => {
  fc.assert(
    fc.property(fc.constantFrom(...machineNames), fc.string({ maxLength: 200, unit: "grapheme" }), (machine, subject) => {
      expect(executionName(machine, subject, now)).toMatch(/^[A-Za-z0-9_-]{1,55}-by-hand-20261121T061300Z$/);
    }),
  );
});

test.each(machineNames)("an ARN of %s is taken apart", (machine) => {
  const arn = `arn:aws-cn:states:cn-north-1:123456789012:execution:holdfast-prod-${machine}:backup-shop-full-20261121T020000Z`;
  expect(parseExecutionArn(arn)).toEqual({
    arn,
    region: "cn-north-1",
    stack: "holdfast-prod",
    machine,
    name: "backup-shop-full-20261121T020000Z",
  });
});

test.each([
  "backup-shop",
  "arn:aws:states:eu-central-1:123456789012:stateMachine:holdfast-prod-backup",
  "arn:aws:states:eu-central-1:123456789012:execution:another-machine:x",
  "arn:aws:states:eu-central-1:123456789012:execution:holdfast-prod-verify/label:x",
])("%s is no execution of a stack", (arn) => {
  expect(() => parseExecutionArn(arn)).toThrow(expect.objectContaining({ name: "UsageInvalid" }));
});

test.each(["", "Holdfast-prod", "holdfast prod", "holdfast/prod", "../x", "-x", "a".repeat(80)])(
  "--stack %j is refused",
  (name) => {
    expect(() => requireStackName(name)).toThrow(expect.objectContaining({ name: "UsageInvalid" }));
  },
);
