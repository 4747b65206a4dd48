/** A tree has files, not rows. */
import { expect, test } from "vitest";
import { contentAmount, sourceAmount } from "../../src/cli/content-amount.ts";
import { filesPolicy } from "../../src/policy/engines/files/policy.ts";
import { postgresPolicy } from "../../src/policy/engines/postgres/policy.ts";

const { units: database } = postgresPolicy;
const { units: tree } = filesPolicy;

test("a database has objects and rows, a tree entries and files", () => {
  expect(contentAmount(database, 1, 243)).toBe("1 object, 243 rows");
  expect(contentAmount(tree, 1, 1)).toBe("1 entry, 1 file");
  expect(contentAmount(tree, 9, 4000)).toBe("9 entries, 4,000 files");
  expect(contentAmount(undefined, 2, 1)).toBe("2 objects, 1 row");
});

test("a tree's own count is of all entries, whatever their types", () => {
  expect(sourceAmount(tree, 3, 9)).toBe("9 entries");
  expect(sourceAmount(database, 5, 243)).toBe("5 objects, 243 rows");
});
