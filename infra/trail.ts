/**
 * Who touched which object of a vault, by CloudTrail: complete, where the access log of S3 is best
 * effort, and in a bucket that neither the stack nor its deployer can empty.
 */
import { closedBucket, denyBypass, policyOf, tlsOnly } from "./bucket.ts";
import { bucketsOf, type Deployment } from "./deployment.ts";
import { arnOf, ownArn, type Resources, ref, retained, sub } from "./template.ts";

/** What nobody deletes for a year, and S3 itself after seven (requirements, R20). */
const lockedDays = 365;
const keptDays = 2_557;

export function trailResources(deployment: Deployment): Resources {
  if (!deployment.trail) return {};
  const name = deployment.prefix;
  const trailArn = ownArn("cloudtrail", `trail/${name}`);
  const mode = bucketsOf(deployment).some(({ lock }) => lock?.mode === "compliance") ? "compliance" : "governance";
  return {
    TrailBucket: retained({
      Type: "AWS::S3::Bucket",
      Properties: {
        ...closedBucket({ SSEAlgorithm: "AES256" }),
        VersioningConfiguration: { Status: "Enabled" },
        ObjectLockEnabled: true,
        ObjectLockConfiguration: {
          ObjectLockEnabled: "Enabled",
          Rule: { DefaultRetention: { Mode: mode.toUpperCase(), Days: lockedDays } },
        },
        LifecycleConfiguration: { Rules: [{ Id: "seven-years", Status: "Enabled", ExpirationInDays: keptDays }] },
      },
    }),
    TrailBucketPolicy: retained({
      Type: "AWS::S3::BucketPolicy",
      Properties: policyOf("TrailBucket", [
        ...tlsOnly(deployment, "TrailBucket"),
        // Not the denial of compliance mode: CloudTrail's own objects may be locked so.
        ...denyBypass("TrailBucket", "compliance"),
        ...letCloudTrailWrite(trailArn),
      ]),
    }),
    Trail: {
      Type: "AWS::CloudTrail::Trail",
      // CloudTrail checks that it may write when it is told to.
      DependsOn: ["TrailBucketPolicy"],
      Properties: {
        TrailName: name,
        S3BucketName: ref("TrailBucket"),
        IsLogging: true,
        EnableLogFileValidation: true,
        // The vault's bucket is in one Region, and what is done to an object is recorded there.
        IsMultiRegionTrail: false,
        IncludeGlobalServiceEvents: false,
        AdvancedEventSelectors: [
          {
            Name: "objects of the vaults",
            FieldSelectors: [
              { Field: "eventCategory", Equals: ["Data"] },
              { Field: "resources.type", Equals: ["AWS::S3::Object"] },
              {
                Field: "resources.ARN",
                StartsWith: [...new Set(bucketsOf(deployment).map(({ bucket }) => bucket))].map((bucket) =>
                  sub(`arn:\${AWS::Partition}:s3:::${bucket}/`),
                ),
              },
            ],
          },
        ],
      },
    },
  };
}

/** CloudTrail user guide, "Amazon S3 bucket policy for CloudTrail": for this trail alone. */
function letCloudTrailWrite(trailArn: unknown) {
  const Principal = { Service: "cloudtrail.amazonaws.com" };
  const ofTrail = { "aws:SourceArn": trailArn };
  return [
    {
      Sid: "TrailLooks",
      Effect: "Allow",
      Principal,
      Action: ["s3:GetBucketAcl"],
      Resource: [arnOf("TrailBucket")],
      Condition: { StringEquals: ofTrail },
    },
    {
      Sid: "TrailWrites",
      Effect: "Allow",
      Principal,
      Action: ["s3:PutObject"],
      Resource: [sub(`\${TrailBucket.Arn}/AWSLogs/\${AWS::AccountId}/*`)],
      Condition: { StringEquals: { ...ofTrail, "s3:x-amz-acl": "bucket-owner-full-control" } },
    },
  ];
}
