/** Which lifecycle rules of a bucket endanger a vault, and which tiers are missing from them. */
import type { LifecycleRule } from "@aws-sdk/client-s3";
import { describe, expect, test } from "vitest";
import { judgeLifecycle } from "../../../src/vault/s3/judge-lifecycle.ts";
import { lifecycleRules } from "../../../src/vault/s3/lifecycle-rules.ts";

const rule = (rest: Partial<LifecycleRule>): LifecycleRule => ({ ID: "r", Status: "Enabled", Filter: { Prefix: "" }, ...rest });
const vault = { prefix: "" };
const tag = { Key: "holdfast", Value: "artifact" };

describe("an expiration", () => {
  test.each([
    ["of everything", rule({ Expiration: { Days: 30 } })],
    ["of manifests", rule({ Expiration: { Days: 30 }, Filter: { Prefix: "manifests/" } })],
    ["of a part of a room", rule({ Expiration: { Days: 30 }, Filter: { Prefix: "artifacts/shop/" } })],
    ["at a date", rule({ Expiration: { Date: new Date(0) }, Filter: { And: { Prefix: "evi" } } })],
    ["by the artifacts' own tag", rule({ Expiration: { Days: 30 }, Filter: { Tag: tag } })],
    ["in the old form", { ID: "r", Status: "Enabled", Prefix: "", Expiration: { Days: 1 } } satisfies LifecycleRule],
  ])("%s is an error with a remedy", (_name, bad) => {
    expect(judgeLifecycle([bad], vault)).toEqual([
      expect.objectContaining({ level: "error", subject: "lifecycle", remedy: expect.any(String) }),
    ]);
  });

  test.each([
    ["is turned off", rule({ Expiration: { Days: 30 }, Status: "Disabled" })],
    ["is of another place", rule({ Expiration: { Days: 30 }, Filter: { Prefix: "logs/" } })],
    ["goes by another tag", rule({ Expiration: { Days: 30 }, Filter: { Tag: { Key: "temporary", Value: "yes" } } })],
    ["takes markers alone", rule({ Expiration: { ExpiredObjectDeleteMarker: true } })],
  ])("is none of the vault's business when it %s", (_name, harmless) => {
    expect(judgeLifecycle([harmless], vault)).toEqual([expect.objectContaining({ level: "ok" })]);
  });

  test("is seen below the vault's prefix, and only there", () => {
    const bad = rule({ Expiration: { Days: 30 }, Filter: { Prefix: "eu/" } });
    expect(judgeLifecycle([bad], { prefix: "eu" })[0]).toMatchObject({ level: "error" });
    expect(judgeLifecycle([bad], { prefix: "us" })[0]).toMatchObject({ level: "ok" });
  });
});

test("manifests in an archive are an error, and so are their seals; artifacts, which have a tag, are not", () => {
  const Transitions = [{ Days: 90, StorageClass: "GLACIER" as const }];
  expect(judgeLifecycle([rule({ Transitions })], vault)[0]).toMatchObject({
    level: "error",
    message: expect.stringContaining("manifests/"),
  });
  expect(judgeLifecycle([rule({ Transitions, Filter: { Prefix: "artifacts/" } })], vault)[0]).toMatchObject({
    level: "error",
    message: expect.stringContaining("artifacts/ to GLACIER"),
    remedy: expect.stringContaining("the tag holdfast=artifact"),
  });
  for (const Filter of [{ Tag: tag }, { And: { Prefix: "artifacts/", Tags: [tag] } }]) {
    expect(judgeLifecycle([rule({ Transitions, Filter })], vault)[0]).toMatchObject({ level: "ok" });
  }
});

test("the rules of a stack are what check wants to see, and tiers that are missing are told of", () => {
  const tiered = { prefix: "eu", tiers: { warmDays: 30, archiveDays: 365 } };
  const made = lifecycleRules(tiered).map(({ id, prefix, tag: its, transitions, expireDays }) =>
    rule({
      ID: id,
      Filter: its === undefined ? { Prefix: prefix } : { And: { Prefix: prefix, Tags: [{ Key: its.key, Value: its.value }] } },
      ...(transitions === undefined
        ? {}
        : { Transitions: transitions.map(({ days, storageClass }) => ({ Days: days, StorageClass: storageClass })) }),
      ...(expireDays === undefined ? {} : { Expiration: { Days: expireDays } }),
    }),
  );
  expect(judgeLifecycle(made, tiered)).toEqual([expect.objectContaining({ level: "ok" })]);
  expect(judgeLifecycle([], tiered)).toEqual([
    expect.objectContaining({ level: "warning", message: expect.stringContaining("DEEP_ARCHIVE after 365 days") }),
  ]);
});
