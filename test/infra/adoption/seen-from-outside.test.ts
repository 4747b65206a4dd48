/** A vault of another account, looked at before a stack that uses it is deployed. */
import { describe, expect, it } from "vitest";
import { judgePolicy, type PolicyStatement } from "../../../infra/adoption/judge-policy.ts";
import { judgeAccount, seeFromOutside } from "../../../infra/adoption/seen-from-outside.ts";
import { wantedBuckets } from "../../../infra/adoption/wanted-buckets.ts";
import { deploy, foreignPolicyText } from "../deployments.ts";
import { ownerOf, ownersPolicies, ownerTemplate, owning, stackPath, working } from "../vault-owner/two-accounts.ts";

const account = { id: working, partition: "aws", region: "eu-central-1" };
const deployment = deploy(foreignPolicyText, { vault: "foreign", proving: "open" });
const seen = seeFromOutside(deployment, account);
const keyArns = new Map([["alias/holdfast-storage-acme-backups", `arn:aws:kms:eu-west-1:${owning}:key/StorageKeyAcmex2dbackups`]]);
const wanted = wantedBuckets(seen.deployment, seen.account, keyArns);

/** The policy as the owner's stack makes it, for these stacks. */
const madeFor = (bucket: string, stacks = stackPath): PolicyStatement[] =>
  JSON.parse(JSON.stringify(ownersPolicies(ownerTemplate(ownerOf(foreignPolicyText, { stacks }))).get(`arn:aws:s3:::${bucket}`)));
const judge = (bucket: string, found: readonly PolicyStatement[]): string[] => {
  const { statements = [], accountId = "" } = wanted.find((each) => each.bucket === bucket) ?? {};
  return judgePolicy(bucket, statements, found, accountId).map(({ message }) => message);
};

describe("a vault of another account", () => {
  it("is asked for in that account, for all that its owner's stack makes", () => {
    expect(wanted.map(({ bucket, accountId }) => [bucket, accountId])).toEqual([
      ["acme-backups-state", owning],
      ["acme-backups", owning],
    ]);
  });

  it.each(["acme-backups", "acme-backups-state"])(
    "%s is as it should be when its owner made it for this stack, or for this and others",
    (bucket) => {
      expect(judge(bucket, madeFor(bucket))).toEqual([]);
      const others = "arn:aws:iam::333333333333:role/holdfast-prod/us-east-1";
      expect(judge(bucket, madeFor(bucket, `${others},${stackPath}`))).toEqual([]);
    },
  );

  it("is refused for every right that is missing, narrower or another stack's, by name", () => {
    for (const bucket of ["acme-backups", "acme-backups-state"]) {
      const all = madeFor(bucket);
      for (const grant of all.filter(({ Effect }) => Effect === "Allow")) {
        const without = all.filter((each) => each !== grant);
        const missing = `the right ${String(grant.Sid)} of the stacks that use the vault is missing or narrower`;
        expect(judge(bucket, without)).toEqual([missing]);
        const [action] = [grant.Action].flat();
        if ([grant.Action].flat().length > 1) expect(judge(bucket, [...without, { ...grant, Action: action }])).toContain(missing);
      }
      const elsewhere = madeFor(bucket, stackPath.replace(working, "333333333333"));
      expect(judge(bucket, elsewhere).length).toBe(all.filter(({ Effect }) => Effect === "Allow").length);
    }
  });

  it("is refused where a denial is missing, or somebody may do what no stack may", () => {
    const all = madeFor("acme-backups");
    for (const Sid of ["OwnersAlone", "NoLongerThanRetention", "Overwriting", "LocksHold"])
      expect(
        judge(
          "acme-backups",
          all.filter((each) => each.Sid !== Sid),
        ),
      ).toEqual([`the denial ${Sid} is missing`]);
    const guest = {
      Sid: "Guest",
      Effect: "Allow",
      Principal: { AWS: `arn:aws:iam::${working}:root` },
      Action: "s3:DeleteObject",
      Resource: "*",
    };
    expect(judge("acme-backups", [...all, guest]).join()).toMatch(/the statement "Guest" lets .* do more than read/);
  });
});

describe("the account", () => {
  const here = (id: string) => ({ ...account, id });
  it("of the stack is not that of the vault", () => {
    expect(judgeAccount(deployment, here(working), undefined)).toEqual([]);
    expect(judgeAccount(deployment, here(owning), undefined).map(({ level, remedy }) => [level, remedy])).toEqual([
      ["error", "Deploy with --param=vault=existing here, or with the credentials of the other account."],
    ]);
  });

  it("of the owner's stack is the one that the policy's keys are in", () => {
    expect(judgeAccount(ownerOf(), here(owning), owning)).toEqual([]);
    const [problem] = judgeAccount(ownerOf(), here(working), owning);
    expect(problem?.message).toBe(`is not the one that the policy's keys are in, ${owning}`);
  });
});
