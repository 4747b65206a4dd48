/** The stack that owns a vault for others: what it is deployed with, and what it makes. */
import { describe, expect, it } from "vitest";
import { ownerFunctions } from "../../../infra/vault-owner/pruning.ts";
import { isHoldfastError } from "../../../src/errors/holdfast-error.ts";
import { foreignPolicyText, samplePolicyText } from "../deployments.ts";
import { namesOf, propertiesOf, statementsOf } from "../template-model.ts";
import { ownerOf, ownerTemplate } from "./two-accounts.ts";

const template = ownerTemplate();

describe("the stack of a vault", () => {
  it("makes both keys for the aliases' ARNs, of several Regions, and outlives itself", () => {
    expect(propertiesOf(template, "SealingKeyAcmex2dbackups")).toMatchObject({ MultiRegion: true });
    expect(propertiesOf(template, "SigningKeyAcmex2dsigning")).toMatchObject({ MultiRegion: true, KeySpec: "ECC_NIST_P256" });
    expect(propertiesOf(template, "SealingKeyAcmex2dbackupsAlias")).toMatchObject({ AliasName: "alias/acme-backups" });
    for (const name of [...namesOf(template, "AWS::S3::Bucket"), ...namesOf(template, "AWS::S3::BucketPolicy")])
      expect(template.Resources[name]?.DeletionPolicy, name).toBe("RetainExceptOnCreate");
  });

  it("has one function, which prunes each source once a day, by itself", () => {
    expect(Object.keys(ownerFunctions(ownerOf()))).toEqual(["prune"]);
    const schedules = namesOf(template, "AWS::Scheduler::Schedule").map((name) => propertiesOf(template, name));
    const inputs = schedules.map(({ Target }) => JSON.parse((Target as { Input: string }).Input) as unknown);
    expect(inputs).toEqual([{ source: "taskmaster" }, { source: "db-1" }, { source: "db1" }]);
    expect(new Set(schedules.map(({ Name }) => Name)).size).toBe(3);
    expect(namesOf(template, "AWS::IAM::Role").sort()).toEqual(["PruneRole", "SchedulerRole"]);
    const secrets = statementsOf(template, "PruneRole").filter(({ Action }) => Action.includes("secretsmanager:GetSecretValue"));
    expect(secrets.flatMap(({ Resource }) => Resource)).toEqual([expect.stringContaining("secret:holdfast-vault-dev/policy")]);
  });

  it("alarms by mail when a prune fails, and when none is called", () => {
    const alarms = namesOf(template, "AWS::CloudWatch::Alarm").map((name) => propertiesOf(template, name));
    expect(alarms.map(({ MetricName, TreatMissingData }) => [MetricName, TreatMissingData])).toEqual([
      ["ApproximateNumberOfMessagesVisible", "notBreaching"],
      ["Invocations", "breaching"],
    ]);
    const mails = namesOf(template, "AWS::SNS::Subscription").map((name) => propertiesOf(template, name)["Endpoint"]);
    expect(mails).toEqual(["ops@example.com"]);
    const given = ownerTemplate(ownerOf(foreignPolicyText, { mail: "vault@example.com, two@example.com" }));
    expect(namesOf(given, "AWS::SNS::Subscription").length).toBe(2);
  });

  it("records who asked for an object, where it is told to", () => {
    expect(namesOf(template, "AWS::CloudTrail::Trail")).toEqual([]);
    expect(namesOf(ownerTemplate(ownerOf(foreignPolicyText, { trail: "on" })), "AWS::CloudTrail::Trail").length).toBe(1);
  });

  it("makes nothing where the vault exists but what prunes it", () => {
    const types = Object.values(ownerTemplate(ownerOf(foreignPolicyText, { vault: "existing" })).Resources).map(({ Type }) => Type);
    expect(types.filter((type) => type.startsWith("AWS::S3::"))).toEqual([]);
    expect(types).toContain("AWS::Scheduler::Schedule");
  });
});

describe("the stack of a vault is refused", () => {
  const refusal = (text: string, given = {}): string => {
    try {
      ownerOf(text, given);
    } catch (error) {
      if (isHoldfastError(error)) return [error.message, ...error.details, error.hint].join("\n");
      throw error;
    }
    return "";
  };

  it.each([
    [
      "without a stack that uses it",
      { stacks: "" },
      /no stack is named.*\n.*--param=stacks=arn:aws:iam::ACCOUNT:role\/holdfast-STAGE\/REGION/,
    ],
    ["for everybody", { stacks: "*" }, /"\*" is not the path of a stack's roles/],
    ["for all stages", { stacks: "arn:aws:iam::111111111111:role/holdfast-*/eu-central-1" }, /is not the path/],
    ["for all of an account", { stacks: "arn:aws:iam::111111111111:root" }, /is not the path/],
    ["with a reader by wildcard", { readers: "arn:aws:iam::111111111111:role/*" }, /is not the ARN of a role or a user/],
    ["in another Region than its policy's", { region: "us-east-1" }, /makes no buckets or keys in another region/],
    ["as somebody else's vault", { vault: "foreign" }, /the parameter vault is "foreign"/],
  ])("%s", (_, given, message) => {
    expect(refusal(foreignPolicyText, given)).toMatch(message);
  });

  it("with a policy that names keys of any account, or nobody who hears of a failure", () => {
    expect(refusal(samplePolicyText)).toMatch(/which every account may have/);
    const slack = foreignPolicyText
      .replaceAll("email:ops@example.com, ", "")
      .replaceAll("[email:ops@example.com]", "[slack:secret:holdfast/slack]");
    expect(refusal(slack)).toMatch(/nobody hears of a prune that failed\n.*--param=mail=/);
    expect(refusal(slack, { mail: "ops@example.com" })).toBe("");
  });
});

describe("people who read from a desk", () => {
  it("are named in every policy that reading takes, and in none that adds", () => {
    const desk = "arn:aws:iam::111111111111:role/Operators";
    const named = ownerTemplate(ownerOf(foreignPolicyText, { readers: desk }));
    const naming = Object.values(named.Resources).flatMap(({ Properties }) => {
      const { PolicyDocument, KeyPolicy } = (Properties ?? {}) as Record<string, { Statement: readonly { Sid: string }[] }>;
      return ((PolicyDocument ?? KeyPolicy)?.Statement ?? [])
        .filter((each) => JSON.stringify(each).includes(desk))
        .map(({ Sid }) => Sid);
    });
    expect(new Set(naming)).toEqual(
      new Set(["Documents", "Artifacts", "Trail", "Erasures", "Versions", "ReadMarks", "Check", "Open", "Read"]),
    );
  });
});
