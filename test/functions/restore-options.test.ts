import { expect, test } from "vitest";
import { optionsShape, readOptions } from "../../functions/commons/restore-options.ts";

test("a part of a backup is asked for by the words of the command line", () => {
  const only = ["public.orders", "schema billing"];
  const read = readOptions(optionsShape.parse({ only, schemaOnly: true }));
  expect(read.only).toEqual(only);
  expect(read.flags).toEqual(new Set(["schema-only"]));
  expect(readOptions(optionsShape.parse(undefined)).only).toBeUndefined();
});

test.each([{ only: [] }, { only: [""] }, { only: "public.orders" }, { only: ["x".repeat(301)] }])("%j is refused", (given) => {
  expect(optionsShape.safeParse(given).success).toBe(false);
});
