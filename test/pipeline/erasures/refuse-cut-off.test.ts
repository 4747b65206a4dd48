import { expect, test } from "vitest";
import { refuseCutOff } from "../../../src/pipeline/erasures/refuse-cut-off.ts";
import { noErasures } from "../../../src/proof/erasure.ts";

const users = "table public.users";
const reason = expect.stringContaining("choose it too with --only");

test("an erasure that would reach a part from a table that is not in it is refused, absent or without rows", () => {
  const absent = { ...noErasures, notApplicable: [{ object: users, count: 2, reason: "the backup has no such table" }] };
  expect(refuseCutOff(absent, [users])).toEqual({ ...noErasures, refused: [{ object: users, count: 2, reason }] });
  const empty = { ...noErasures, objects: [{ object: users, erased: 0, notFound: 3 }] };
  expect(refuseCutOff(empty, [users])).toEqual({ ...noErasures, refused: [{ object: users, count: 3, reason }] });
});

test("all else stays as it was", () => {
  const outcome = {
    ...noErasures,
    objects: [{ object: users, erased: 1, notFound: 1 }],
    notApplicable: [{ object: "table public.gone", count: 1, reason: "the backup has no such table" }],
  };
  expect(refuseCutOff(outcome, ["table public.posts"])).toEqual(outcome);
  expect(refuseCutOff(outcome)).toEqual(outcome);
});
