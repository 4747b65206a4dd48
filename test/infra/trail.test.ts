import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { trailResources } from "../../infra/trail.ts";
import { vaultResources } from "../../infra/vault.ts";
import { projectDirectory } from "../../scripts/cache-directory.ts";
import { deploy, foreignPolicyText, samplePolicyText } from "./deployments.ts";
import { mayEver, propertiesOf, readStatements, type Template } from "./template-model.ts";

function templateOf(text = samplePolicyText): Template {
  const deployment = deploy(text, { trail: "on" });
  return { Resources: { ...vaultResources(deployment), ...trailResources(deployment) } } as Template;
}

describe("the trail of a vault", () => {
  it("is made when it is asked for, and never for a vault of another account", () => {
    expect(trailResources(deploy())).toEqual({});
    expect(Object.keys(trailResources(deploy(undefined, { trail: "on" })))).toEqual(["TrailBucket", "TrailBucketPolicy", "Trail"]);
    expect(() => deploy(undefined, { trail: "yes" })).toThrow('the parameter trail is "yes"');
    expect(() => deploy(foreignPolicyText, { trail: "on", vault: "foreign", proving: "open" })).toThrow(
      "belongs to another account",
    );
  });

  it("records every request for an object of every vault, reading and writing, and nothing else", () => {
    const { AdvancedEventSelectors, EnableLogFileValidation } = propertiesOf(
      templateOf(samplePolicyText.replace("keys:\n", "  other: { type: s3, bucket: acme-archive }\nkeys:\n")),
      "Trail",
    ) as { AdvancedEventSelectors: readonly { FieldSelectors: unknown }[]; EnableLogFileValidation: boolean };
    expect(EnableLogFileValidation).toBe(true);
    expect(AdvancedEventSelectors.map(({ FieldSelectors }) => FieldSelectors)).toEqual([
      [
        { Field: "eventCategory", Equals: ["Data"] },
        { Field: "resources.type", Equals: ["AWS::S3::Object"] },
        { Field: "resources.ARN", StartsWith: ["arn:aws:s3:::acme-backups/", "arn:aws:s3:::acme-archive/"] },
      ],
    ]);
  });

  it.each([
    ["governance", samplePolicyText],
    ["compliance", samplePolicyText.replace("mode: governance", "mode: compliance")],
  ])("lies in a bucket that outlives the stack, each file locked for a year as the vault is: %s", (mode, text) => {
    const template = templateOf(text);
    const { ObjectLockEnabled, ObjectLockConfiguration } = propertiesOf(template, "TrailBucket");
    expect(ObjectLockEnabled).toBe(true);
    expect(ObjectLockConfiguration).toMatchObject({ Rule: { DefaultRetention: { Mode: mode.toUpperCase(), Days: 365 } } });
    for (const name of ["TrailBucket", "TrailBucketPolicy"])
      expect(template.Resources[name]).toMatchObject({ DeletionPolicy: "RetainExceptOnCreate", UpdateReplacePolicy: "Retain" });
  });

  it("is written by this trail of CloudTrail's alone, and nobody may bypass its locks", () => {
    const template = templateOf();
    const statements = readStatements(template, propertiesOf(template, "TrailBucketPolicy")["PolicyDocument"]);
    const allowed = statements.filter(({ Effect }) => Effect === "Allow");
    const trail = "arn:aws:cloudtrail:eu-central-1:123456789012:trail/holdfast-dev";
    expect(allowed.map(({ Principal, Action, Condition }) => ({ Principal, Action, Condition }))).toEqual([
      {
        Principal: { Service: "cloudtrail.amazonaws.com" },
        Action: ["s3:GetBucketAcl"],
        Condition: { StringEquals: { "aws:SourceArn": trail } },
      },
      {
        Principal: { Service: "cloudtrail.amazonaws.com" },
        Action: ["s3:PutObject"],
        Condition: { StringEquals: { "aws:SourceArn": trail, "s3:x-amz-acl": "bucket-owner-full-control" } },
      },
    ]);
    const denied = statements.filter(({ Effect }) => Effect === "Deny").flatMap(({ Action }) => Action);
    expect(denied).toEqual(expect.arrayContaining(["s3:BypassGovernanceRetention", "s3:PutBucketObjectLockConfiguration"]));
  });

  it("cannot be emptied by who deploys: the deployer's policy deletes no object there", () => {
    const deployer = JSON.parse(readFileSync(join(projectDirectory, "infra/deployer-policy.json"), "utf8"));
    const statements = readStatements(templateOf(), deployer);
    const bucket = "arn:aws:s3:::holdfast-prod-trailbucket-0a1b";
    for (const action of [
      "s3:DeleteObject",
      "s3:DeleteObjectVersion",
      "s3:BypassGovernanceRetention",
      "s3:PutObjectRetention",
      "s3:DeleteBucket",
    ])
      for (const arn of [bucket, `${bucket}/AWSLogs/x`]) expect(mayEver(statements, action, arn), `${action} ${arn}`).toBe(false);
    expect(mayEver(statements, "cloudtrail:CreateTrail", "arn:aws:cloudtrail:eu-central-1:123456789012:trail/holdfast-prod")).toBe(
      true,
    );
  });
});
