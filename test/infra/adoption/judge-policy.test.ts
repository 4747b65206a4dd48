import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { judgePolicy, type PolicyStatement, statementsOf } from "../../../infra/adoption/judge-policy.ts";
import type { Account } from "../../../infra/adoption/resolve-template.ts";
import { wantedBuckets } from "../../../infra/adoption/wanted-buckets.ts";
import { deploy } from "../deployments.ts";

const account: Account = { id: "123456789012", partition: "aws", region: "eu-central-1" };
const keyArn = "arn:aws:kms:eu-central-1:123456789012:key/1234";
const [, vault] = wantedBuckets(deploy(), account, new Map([["alias/holdfast-storage-acme-backups", keyArn]]));
const wanted = vault?.statements ?? [];
const judge = (found: readonly PolicyStatement[]): string[] =>
  judgePolicy("acme-backups", wanted, found, account.id).map(({ message }) => message);

test("the denials are the template's own, with the account's names in them", () => {
  expect(wanted.map(({ Sid }) => Sid)).toEqual([
    "PlainHttp",
    "OtherEncryption",
    "OtherKey",
    "KeyOfTheCaller",
    "Overwriting",
    "LocksHold",
    "LockSettings",
    "NotForGood",
  ]);
  expect(JSON.stringify(wanted)).not.toMatch(/\$\{|Fn::|"Ref"/);
});

describe("a policy", () => {
  const shuffled = <T>(values: readonly T[]) => fc.shuffledSubarray([...values], { minLength: values.length });
  /** The same statement in another of the ways that it can be written. */
  const rewritten = (statement: PolicyStatement) =>
    fc
      .record({
        actions: shuffled([statement.Action].flat()),
        principal: fc.constantFrom("*", { AWS: "*" }, { AWS: ["*"] }),
        sid: fc.string(),
      })
      .map(({ actions, principal, sid }) => ({
        ...statement,
        Sid: sid,
        Principal: principal,
        Action: actions.length === 1 ? actions[0] : actions,
      }));

  it("denies enough however it is written and ordered, with whatever else it denies", () => {
    const written = shuffled(wanted).chain((all) => fc.tuple(...all.map(rewritten)));
    fc.assert(
      fc.property(written, (found) => {
        expect(judge(statementsOf(JSON.stringify({ Statement: found })))).toEqual([]);
      }),
    );
  });

  it("is found out by every denial that is missing, allowed, or bound to more", () => {
    const weaker: ((statement: PolicyStatement) => PolicyStatement[])[] = [
      () => [],
      (one) => [{ ...one, Effect: "allow" }],
      (one) => [{ ...one, Principal: { AWS: "arn:aws:iam::123456789012:root" } }],
      (one) => [{ ...one, Action: "s3:GetBucketLocation" }],
      (one) => [{ ...one, Resource: "arn:aws:s3:::acme-backups-other/*" }],
      (one) => [{ ...one, Condition: { ...(one.Condition as object), StringEquals: { "aws:PrincipalTag/a": "b" } } }],
    ];
    fc.assert(
      fc.property(fc.nat(wanted.length - 1), fc.constantFrom(...weaker), (index, weaken) => {
        const found = wanted.flatMap((one, at) => (at === index ? weaken(one) : [one]));
        expect(judge(found)).toEqual([`the denial ${String(wanted[index]?.Sid)} is missing`]);
      }),
    );
  });

  it("denies enough with wildcards that take more in", () => {
    const wide: PolicyStatement[] = [{ Effect: "Deny", Principal: "*", Action: "s3:*", Resource: "*" }];
    expect(judge(wide)).toEqual([]);
  });

  it.each(["", "not JSON", "{}", '{"Statement":null}', '{"Statement":[1,"x",null]}'])("that is %j has no statements", (text) => {
    expect(statementsOf(text)).toEqual([]);
  });
});

describe("who is let in", () => {
  const allowed = (statement: PolicyStatement): boolean => judge([...wanted, { Effect: "Allow", ...statement }]).length === 0;
  const write = { Action: ["s3:GetObject", "s3:PutObject"], Resource: "*" };

  it.each<[string, PolicyStatement]>([
    ["the account", { ...write, Principal: { AWS: "123456789012" } }],
    ["a role of the account", { ...write, Principal: { AWS: ["arn:aws:iam::123456789012:role/x"] } }],
    ["a service of AWS", { ...write, Principal: { Service: "logging.s3.amazonaws.com" } }],
    ["a reader of another account", { Action: ["s3:GetObject*", "s3:ListBucket"], Principal: { AWS: "999999999999" } }],
  ])("%s may be", (_, statement) => expect(allowed(statement)).toBe(true));

  it.each<[string, PolicyStatement]>([
    ["everybody", { ...write, Principal: "*" }],
    ["another account", { ...write, Principal: { AWS: "999999999999" } }],
    ["another account among one's own", { ...write, Principal: { AWS: ["123456789012", "arn:aws:iam::999999999999:root"] } }],
    ["an account whose number begins likewise", { ...write, Principal: { AWS: "1234567890123" } }],
    ["everybody but some", { ...write, NotPrincipal: { AWS: "123456789012" } }],
    ["whoever a provider names", { ...write, Principal: { Federated: "cognito-identity.amazonaws.com" } }],
    ["a user of CloudFront", { ...write, Principal: { CanonicalUser: "79a59d" } }],
    ["another account to all but reading", { NotAction: "s3:GetObject", Principal: { AWS: "999999999999" } }],
    ["another account to anything", { Action: "s3:*", Principal: { AWS: "999999999999" } }],
  ])("%s may not be", (_, statement) => expect(allowed(statement)).toBe(false));
});
