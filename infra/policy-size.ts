/** How large a role's policy becomes: IAM takes so many characters and no more. */
import type { Resources } from "./template.ts";

/**
 * IAM and AWS STS quotas, "IAM and STS character limits": all inline policies of a role together,
 * white space not counted.
 */
export const maxPolicyCharacters = 10_240;

/** IAM and AWS STS quotas: a managed policy, white space not counted. */
export const maxManagedCharacters = 6_144;

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
      Policies.map(sizeOf).reduce((sum, size) => sum + size, 0),
    );
  }
  return sizes;
}

/** The characters of each managed policy, by its logical id. */
export function managedSizes(resources: Resources): ReadonlyMap<string, number> {
  const managed = Object.entries(resources).filter(([, { Type }]) => Type === "AWS::IAM::ManagedPolicy");
  return new Map(managed.map(([name, { Properties }]) => [name, sizeOf(Properties as { PolicyDocument: unknown })]));
}

const sizeOf = ({ PolicyDocument }: { readonly PolicyDocument: unknown }): number =>
  JSON.stringify(fillIn(PolicyDocument)).replaceAll(/\s/g, "").length;

function fillIn(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fillIn);
  if (typeof value !== "object" || value === null) return value;
  const [[key, inner] = [], ...more] = Object.entries(value);
  if (more.length > 0 || key === undefined) return mapMembers(value);
  if (key === "Fn::Sub") return String(inner).replaceAll(/\$\{([^}]+)\}/g, (_, name: string) => longest[name] ?? unknownArn);
  if (key === "Ref") return longest[String(inner)] ?? unknownArn;
  return key === "Fn::GetAtt" ? unknownArn : mapMembers(value);
}

const mapMembers = (value: object): object =>
  Object.fromEntries(Object.entries(value).map(([name, member]) => [name, fillIn(member)]));
