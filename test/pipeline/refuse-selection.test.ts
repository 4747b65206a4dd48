import { expect, test } from "vitest";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { refuseSelection } from "../../src/pipeline/restore/refuse-request.ts";
import { filesPolicy } from "../../src/policy/engines/files/policy.ts";
import { postgresPolicy } from "../../src/policy/engines/postgres/policy.ts";

const whole = { ...filesPolicy, name: "whole", restore: { targets: "a file", flags: [] } };
const context = { engines: { policies: [postgresPolicy, filesPolicy, whole] } } as unknown as PipelineContext;
const refusing = (engine: string, options: Parameters<typeof refuseSelection>[2]) => () =>
  refuseSelection(context, engine, options);

test("a part of a backup is taken, by each engine that knows parts", () => {
  expect(refusing("postgres", { only: ["public.orders"] })).not.toThrow();
  expect(refusing("files", { only: ["etc"] })).not.toThrow();
  expect(refusing("whole", {})).not.toThrow();
  expect(refusing("postgres", { flags: new Set(["data-only"]) })).not.toThrow();
});

test.each([
  ["an engine that restores wholes only", "whole", { only: ["a"] }, "UsageInvalid"],
  ["no name", "files", { only: [] }, "UsageInvalid"],
  ["an empty name", "files", { only: ["etc", " "] }, "UsageInvalid"],
  ["a part in the place of a whole", "postgres", { only: ["public.orders"], swap: true }, "RestoreRefused"],
  ["rows and definitions alone", "postgres", { flags: new Set(["data-only", "schema-only"]) }, "UsageInvalid"],
  ["rows that are to be taken out again", "postgres", { flags: new Set(["data-only"]), discardDifferent: true }, "UsageInvalid"],
])("%s is refused", (_, engine, options, name) => {
  expect(refusing(engine, options)).toThrow(expect.objectContaining({ name }));
});
