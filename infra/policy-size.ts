/** How large policies become: IAM, KMS and S3 take so many characters and no more. */
import type { Resources } from "./template.ts";

/**
 * IAM and AWS STS quotas, "IAM and STS character limits": all inline policies of a role together,
 * white space not counted.
 */
export const maxPolicyCharacters = 10_240;

/** IAM and AWS STS quotas: a managed policy, white space not counted. */
export const maxManagedCharacters = 6_144;

/** Documents of their own, by the type of what they are of, and where they are in it. */
const documents: Readonly<Record<string, { readonly property: string; readonly max: number }>> = {
  // IAM and AWS STS quotas: "Role trust policy JSON text length", without a raised quota.
  "AWS::IAM::Role": { property: "AssumeRolePolicyDocument", max: 2_048 },
  // KMS developer guide, "Resource quotas": "Key policy document size", 32 KB, which nobody raises.
  "AWS::KMS::Key": { property: "KeyPolicy", max: 32_768 },
  // S3 user guide, "Bucket policies and user policies": "limited to 20 KB in size".
  "AWS::S3::BucketPolicy": { property: "PolicyDocument", max: 20_480 },
};

export interface DocumentSize {
  readonly name: string;
  readonly size: number;
  readonly max: number;
}

/** The size of each policy of a bucket or a key and of each role's trust, by its logical id. */
export function documentSizes(resources: Resources): DocumentSize[] {
  return Object.entries(resources).flatMap(([name, { Type, Properties = {} }]) => {
    const { property, max } = documents[Type] ?? { property: "", max: 0 };
    const document = Properties[property];
    return document === undefined ? [] : [{ name, size: sizeOf({ PolicyDocument: document }, knownIn(resources)), max }];
  });
}

/** The longest that AWS has or this template makes. */
const longest: Readonly<Record<string, string>> = {
  "AWS::Partition": "aws-us-gov",
  "AWS::Region": "ap-southeast-1",
  "AWS::AccountId": "123456789012",
};
/** An ARN that CloudFormation fills in: a function's or a role's, with a name of 64 characters. */
const unknownArn = "x".repeat(130);

/** The characters of each role's policies, by the role's logical id. */
export function policySizes(resources: Resources): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const [name, { Type, Properties = {} }] of Object.entries(resources)) {
    if (Type !== "AWS::IAM::Role") continue;
    const { Policies = [] } = Properties as { Policies?: readonly { readonly PolicyDocument: unknown }[] };
    sizes.set(
      name,
      Policies.map((policy) => sizeOf(policy)).reduce((sum, size) => sum + size, 0),
    );
  }
  return sizes;
}

/** The characters of each managed policy, by its logical id. */
export function managedSizes(resources: Resources): ReadonlyMap<string, number> {
  const managed = Object.entries(resources).filter(([, { Type }]) => Type === "AWS::IAM::ManagedPolicy");
  return new Map(managed.map(([name, { Properties }]) => [name, sizeOf(Properties as { PolicyDocument: unknown })]));
}

/**
 * What CloudFormation fills in for a name in a template, `Vault.Arn`; undefined: it is not known.
 */
type Known = (name: string) => string | undefined;

const sizeOf = ({ PolicyDocument }: { readonly PolicyDocument: unknown }, known: Known = (name) => longest[name]): number =>
  JSON.stringify(fillIn(PolicyDocument, known)).replaceAll(/\s/g, "").length;

function fillIn(value: unknown, known: Known): unknown {
  if (Array.isArray(value)) return value.map((each) => fillIn(each, known));
  if (typeof value !== "object" || value === null) return value;
  const [[key, inner] = [], ...more] = Object.entries(value);
  if (more.length > 0 || key === undefined) return mapMembers(value, known);
  if (key === "Fn::Sub") return String(inner).replaceAll(/\$\{([^}]+)\}/g, (_, name: string) => known(name) ?? unknownArn);
  if (key === "Ref") return known(String(inner)) ?? unknownArn;
  return key === "Fn::GetAtt" ? (known([inner].flat().join(".")) ?? unknownArn) : mapMembers(value, known);
}

const mapMembers = (value: object, known: Known): object =>
  Object.fromEntries(Object.entries(value).map(([name, member]) => [name, fillIn(member, known)]));

/** Buckets are named in the template, and their policies name them again and again. */
function knownIn(resources: Resources): Known {
  return (name) => {
    const { Type, Properties = {} } = resources[name.replace(/\.Arn$/, "")] ?? {};
    const { BucketName } = Properties;
    if (Type !== "AWS::S3::Bucket" || typeof BucketName !== "string") return longest[name];
    return name.endsWith(".Arn") ? `arn:${longest["AWS::Partition"]}:s3:::${BucketName}` : BucketName;
  };
}
