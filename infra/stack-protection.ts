/**
 * What keeps the stack itself from harm: it cannot be deleted in one step, and no update replaces
 * or drops what holds backups, their keys or the log of who asked.
 */
import { refuse } from "./refusals.ts";

/** Kinds of resources that hold what no other deployment makes again. */
const protectedTypes = ["AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::KMS::Key", "AWS::KMS::Alias", "AWS::CloudTrail::Trail"];

/**
 * A statement of a stack policy (CloudFormation user guide, "Prevent updates to stack resources").
 */
interface StackStatement {
  readonly Effect: "Allow" | "Deny";
  readonly Action: string | readonly string[];
  readonly Principal: "*";
  readonly Resource: "*";
  readonly Condition?: object;
}

/** Everything that is not allowed is denied, as soon as a stack has a policy. */
const everything: StackStatement = { Effect: "Allow", Action: "Update:*", Principal: "*", Resource: "*" };

/**
 * The parameter `protection`. The stage `local` has none: the local cloud is made and thrown away.
 * Errors: UsageInvalid.
 */
export function readProtection(text: string, local: boolean): boolean {
  if (text !== "on" && text !== "off")
    throw refuse(`the parameter protection is "${text}"`, "Give --param=protection=on or --param=protection=off.");
  return text === "on" && !local;
}

/**
 * The parameter `trail`. A vault of another account has its trail there. Errors: UsageInvalid.
 */
export function readTrail(text: string, foreign: boolean): boolean {
  if (text !== "on" && text !== "off")
    throw refuse(`the parameter trail is "${text}"`, "Give --param=trail=on or --param=trail=off.");
  if (text === "on" && foreign)
    throw refuse("the vault belongs to another account, and so does its trail", "Give --param=trail=off, and record there.");
  return text === "on";
}

/**
 * The statements of the stack's policy. Settings of a bucket or a key may change; replacing one or
 * taking it out of the stack is refused.
 */
export function stackPolicy(protects: boolean): readonly StackStatement[] {
  if (!protects) return [everything];
  return [
    everything,
    {
      Effect: "Deny",
      Action: ["Update:Replace", "Update:Delete"],
      Principal: "*",
      Resource: "*",
      Condition: { StringEquals: { ResourceType: protectedTypes } },
    },
  ];
}
