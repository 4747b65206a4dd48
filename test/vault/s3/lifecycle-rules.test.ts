/**
 * What a bucket's lifecycle may do: move artifacts, clean up after dead runs, and never delete a
 * backup.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lifecycleRules } from "../../../src/vault/s3/lifecycle-rules.ts";

test("moves artifacts alone, by their tag, in the policy's ages", () => {
  const rules = lifecycleRules({ prefix: "eu", tiers: { warmDays: 30, coldDays: 90, archiveDays: 365 } });
  const moving = rules.filter(({ transitions }) => transitions !== undefined);
  expect(moving).toEqual([
    {
      id: "holdfast-tiers",
      prefix: "eu/artifacts/",
      tag: { key: "holdfast", value: "artifact" },
      transitions: [
        { days: 30, storageClass: "STANDARD_IA" },
        { days: 90, storageClass: "GLACIER_IR" },
        { days: 365, storageClass: "DEEP_ARCHIVE" },
      ],
    },
  ]);
});

test("expires nothing that is current, but probes", () => {
  const rules = lifecycleRules({ prefix: "", tiers: { archiveDays: 1 } });
  expect(rules.filter(({ expireDays }) => expireDays !== undefined).map(({ prefix }) => prefix)).toEqual(["probes/"]);
  expect(rules.some(({ abortUploadsDays }) => abortUploadsDays !== undefined)).toBe(true);
});

test("nothing of ours ever asks to bypass a lock", async () => {
  const files = ["src", "functions"].map((room) =>
    readdir(room, { recursive: true }).then((names) => names.map((name) => join(room, name))),
  );
  const sources = (await Promise.all(files)).flat().filter((name) => name.endsWith(".ts"));
  expect(sources.length).toBeGreaterThan(200);
  for (const file of sources) expect(await readFile(file, "utf8"), file).not.toMatch(/BypassGovernanceRetention/i);
});
