import { describe, expect, it } from "vitest";
import type { BucketSettings } from "../../../infra/adoption/bucket-settings.ts";
import { judgeBucket } from "../../../infra/adoption/judge-bucket.ts";
import type { Account } from "../../../infra/adoption/resolve-template.ts";
import { wantedBuckets } from "../../../infra/adoption/wanted-buckets.ts";
import { deploy, samplePolicyText } from "../deployments.ts";

const account: Account = { id: "123456789012", partition: "aws", region: "eu-central-1" };
const keyArn = "arn:aws:kms:eu-central-1:123456789012:key/1234";
const keys = new Map([["alias/holdfast-storage-acme-backups", keyArn]]);

const bucketsOf = (text = samplePolicyText) => {
  const [state, vault] = wantedBuckets(deploy(text), account, keys);
  if (state === undefined || vault === undefined) throw new Error("the sample has two buckets");
  return { state, vault };
};

const { state, vault } = bucketsOf();

const good: BucketSettings = {
  versioning: "Enabled",
  lock: { ObjectLockEnabled: "Enabled" },
  policy: JSON.stringify({ Statement: [...vault.statements, ...state.statements] }),
  encryption: { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "aws:kms", KMSMasterKeyID: keyArn } },
  publicAccess: { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true },
  ownership: "BucketOwnerEnforced",
  rules: [
    {
      Status: "Enabled",
      Filter: { Prefix: "production/" },
      Expiration: { ExpiredObjectDeleteMarker: true },
      NoncurrentVersionExpiration: { NoncurrentDays: 90 },
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
    },
    {
      Status: "Enabled",
      Prefix: "production/probes/",
      Expiration: { Days: 1 },
      NoncurrentVersionExpiration: { NoncurrentDays: 1 },
    },
    { Status: "Enabled", Filter: { Prefix: "production/leases/" }, NoncurrentVersionExpiration: { NoncurrentDays: 1 } },
    {
      Status: "Enabled",
      Filter: { And: { Prefix: "production/artifacts/", Tags: [{ Key: "holdfast", Value: "artifact" }] } },
      Transitions: [
        { Days: 365, StorageClass: "DEEP_ARCHIVE" },
        { Days: 30, StorageClass: "STANDARD_IA" },
      ],
    },
    { Status: "Enabled", Filter: { Prefix: "holdfast-dev/lists/" }, Expiration: { Days: 14 } },
    { Status: "Enabled", Filter: { Prefix: "holdfast-dev/unsigned/" }, Expiration: { Days: 14 } },
    { Status: "Enabled", Filter: { Prefix: "" }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } },
  ],
  logBucket: "audit",
};
const judge = (change: Partial<BucketSettings>, wanted = vault): string[] =>
  judgeBucket(wanted, { ...good, ...change }).map(({ subject, message }) => `${subject}: ${message}`);

describe("a vault's bucket", () => {
  it("that is as the stack makes it lacks nothing, whatever its rules are called", () => {
    expect(judge({})).toEqual([]);
  });

  it.each<[string, Partial<BucketSettings>, RegExp]>([
    ["versions are not kept", { versioning: undefined }, /^versioning: not enabled/],
    ["versions are suspended", { versioning: "Suspended" }, /^versioning: not enabled/],
    ["nothing can be locked", { lock: undefined }, /^Object Lock: not enabled/],
    [
      "S3's own key encrypts",
      { encryption: { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" } } },
      /^encryption: by default AES256, not/,
    ],
    [
      "another key encrypts",
      { encryption: { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "aws:kms", KMSMasterKeyID: `${keyArn}5` } } },
      /^encryption: by default aws:kms with .*12345, not/,
    ],
    ["nothing encrypts", { encryption: undefined }, /^encryption: by default none/],
    ["access lists hold", { ownership: "ObjectWriter" }, /^ownership: /],
    ["nobody asked for ownership", { ownership: undefined }, /^ownership: /],
    ["the public is not blocked", { publicAccess: undefined }, /^public access: not blocked: BlockPublicAcls, /],
    [
      "a rule is off",
      { rules: good.rules.map((rule, at) => (at === 2 ? { ...rule, Status: "Disabled" } : rule)) },
      /^lifecycle: the rule holdfast-leases is missing/,
    ],
    [
      "a rule deletes backups",
      { rules: [...good.rules, { Status: "Enabled", ID: "tidy", Filter: { Prefix: "" }, Expiration: { Days: 30 } }] },
      /^lifecycle: rule "tidy" deletes/,
    ],
    ["nobody logs", { logBucket: undefined }, /^access log: off/],
  ])("in which %s", (_, change, line) => {
    expect(judge(change)).toEqual([expect.stringMatching(line)]);
  });

  const byDefault = (Mode: "COMPLIANCE" | "GOVERNANCE", time: object) => ({
    lock: { ObjectLockEnabled: "Enabled" as const, Rule: { DefaultRetention: { Mode, ...time } } },
  });

  it("may lock by default as the policy does, and for no longer than the policy keeps a backup", () => {
    expect(vault.vault?.maxDefaultDays).toBe(7);
    expect(judge(byDefault("GOVERNANCE", { Days: 7 }))).toEqual([]);
    expect(judge(byDefault("GOVERNANCE", { Days: 8 }))).toEqual([expect.stringMatching(/^Object Lock: .* for 8 days.* for 7$/)]);
    expect(judge(byDefault("GOVERNANCE", { Years: 1 }))).toEqual([expect.stringMatching(/for 365 days/)]);
    expect(judge(byDefault("COMPLIANCE", { Days: 1 }))).toEqual([expect.stringMatching(/compliance.*the policy says governance$/)]);
  });

  it("may not lock by default where the policy locks nothing", () => {
    const unlocked = wantedBuckets(deploy(samplePolicyText.replace(/^ {4}(lock|state|tiers):.*\n/gm, "")), account, keys);
    const bucket = unlocked.find(({ vault: of }) => of !== undefined);
    expect(judge(byDefault("GOVERNANCE", { Days: 1 }), bucket)).toContainEqual(expect.stringMatching(/the policy locks nothing$/));
  });
});

describe("a state bucket", () => {
  it("needs S3's own key, no versions and no lock", () => {
    const encryption = { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" as const } };
    expect(judge({ versioning: undefined, lock: undefined, encryption, logBucket: undefined }, state)).toEqual([]);
    expect(judge({ encryption: undefined }, state)).toEqual(["encryption: none by default"]);
  });

  it("must not lock by default: a lease that is locked is held for good", () => {
    const Rule = { DefaultRetention: { Mode: "GOVERNANCE" as const, Days: 1 } };
    expect(judge({ lock: { ObjectLockEnabled: "Enabled", Rule } }, state)).toEqual([
      expect.stringMatching(/^Object Lock: .*leases/),
    ]);
  });
});
