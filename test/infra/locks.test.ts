import { expect, it } from "vitest";
import { denyBypass } from "../../infra/bucket.ts";
import { addBackups } from "../../infra/rights.ts";
import { deploy, samplePolicyText } from "./deployments.ts";

/** What a dump's role is denied when it locks. */
function longestLock(retention: string): unknown {
  const deployment = deploy(samplePolicyText.replace(/retention: \{[^}]*\}/, `retention: { ${retention} }`));
  const [source] = Object.values(deployment.policy.sources);
  if (source === undefined) throw new Error("the sample policy has no source");
  return addBackups(deployment, source).find(({ Effect }) => Effect === "Deny")?.Condition;
}

it.each([
  ["daily: 30, monthly: 12", 31],
  ["weekly: 8", 57],
  ["keepWithin: 36h, daily: 30", 3],
])("a role that dumps cannot lock for longer than %s promises, and a day", (retention, days) => {
  expect(longestLock(retention)).toEqual({ NumericGreaterThan: { "s3:object-lock-remaining-retention-days": days } });
});

it("nobody bypasses a lock, and nobody but CloudFormation writes a bucket's lock settings: an upgrade of the stack must", () => {
  const denials = denyBypass("Bucket", "governance");
  const of = (action: string) => denials.filter(({ Action }) => Action.includes(action)).map(({ Condition }) => Condition);
  expect(of("s3:BypassGovernanceRetention")).toEqual([undefined]);
  const unlessCloudFormation = { "ForAllValues:StringNotEquals": { "aws:CalledVia": ["cloudformation.amazonaws.com"] } };
  for (const action of ["s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"]) {
    expect(of(action), action).toEqual([unlessCloudFormation]);
  }
});
