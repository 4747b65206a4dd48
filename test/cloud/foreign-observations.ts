/**
 * What is seen of an emulator where a role of one account asks for the bucket or the key of another
 * (IAM user guide, "Cross-account policy evaluation logic"; KMS developer guide, "Allowing users in
 * other accounts to use a KMS key").
 */
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  GenerateDataKeyCommand,
  PutKeyPolicyCommand,
} from "@aws-sdk/client-kms";
import { CreateBucketCommand, PutBucketPolicyCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { account, region } from "../../scripts/cloud-stack.ts";
import { type Clients, clientsAt } from "./cloud.ts";
import { type Emulator, nameOf, withRole } from "./emulator.ts";

/** Owns what the account of the tests asks for. */
const owner = "222222222222";
const caller = { AWS: `arn:aws:iam::${account}:root` };
/** The path of the caller's roles. */
const path = "/writers/";
const byRole = { ArnLike: { "aws:PrincipalArn": `arn:aws:iam::${account}:role${path}*` } };

export const foreignObservations = [
  { correction: "name_role_in_conditions", aws: ["allowed", "AccessDenied"], see: seeOwnRole },
  { correction: "find_foreign_policy", aws: ["AccessDenied", "AccessDenied", "allowed"], see: seeForeignBucket },
  { correction: "judge_foreign_caller", aws: "AccessDenied", see: seeDeniedRole },
  {
    correction: "find_foreign_key",
    aws: ["AccessDeniedException", "AccessDeniedException", "allowed"],
    see: (emulator: Emulator) => seeForeignKey(emulator, "by-arn", "Arn"),
  },
  {
    correction: "know_key_owner",
    aws: ["AccessDeniedException", "AccessDeniedException", "allowed"],
    see: (emulator: Emulator) => seeForeignKey(emulator, "by-alias-arn", "alias"),
  },
  { correction: "limit_foreign_keys", aws: ["AccessDeniedException", "AccessDeniedException", "allowed"], see: seeForeignRoot },
];

const policyOf = (...Statement: readonly object[]): string => JSON.stringify({ Version: "2012-10-17", Statement });

async function makeBucket({ s3 }: Clients, Bucket: string): Promise<void> {
  await s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: region } }));
}

const put = ({ s3 }: Clients, Bucket: string): Promise<string> =>
  s3.send(new PutObjectCommand({ Bucket, Key: "one", Body: "x" })).then(() => "allowed", nameOf);

/** Does `work` with clients of the owner's root. */
async function asOwner<T>({ endpoint }: Emulator, work: (clients: Clients) => Promise<T>): Promise<T> {
  const clients = clientsAt(endpoint, { accessKeyId: owner, secretAccessKey: "test" });
  try {
    return await work(clients);
  } finally {
    for (const client of Object.values(clients)) client.destroy();
  }
}

/** Within one account: a bucket that denies everybody but roles below a path. */
async function seeOwnRole(emulator: Emulator): Promise<unknown> {
  const { clients } = emulator;
  const Bucket = "of-writers-alone";
  await makeBucket(clients, Bucket);
  const Resource = `arn:aws:s3:::${Bucket}/*`;
  const Condition = { ArnNotLike: byRole.ArnLike };
  const denial = { Effect: "Deny", Principal: "*", Action: "s3:PutObject", Resource, Condition };
  await clients.s3.send(new PutBucketPolicyCommand({ Bucket, Policy: policyOf(denial) }));
  const right = { Action: "s3:PutObject", Resource };
  const work = (own: Clients) => put(own, Bucket);
  return [await withRole(emulator, "below-the-path", right, work, path), await withRole(emulator, "beside-the-path", right, work)];
}

/** By the bucket's policy alone; by the caller's alone; by both. */
async function seeForeignBucket(emulator: Emulator): Promise<unknown> {
  const Bucket = "of-another-account";
  const Resource = `arn:aws:s3:::${Bucket}/*`;
  const grant = (Condition: object) => ({ Effect: "Allow", Principal: caller, Action: "s3:PutObject", Resource, Condition });
  return asOwner(emulator, async (owners) => {
    await makeBucket(owners, Bucket);
    const set = (Condition: object) => owners.s3.send(new PutBucketPolicyCommand({ Bucket, Policy: policyOf(grant(Condition)) }));
    await set(byRole);
    const nothing = { Action: "s3:ListAllMyBuckets", Resource: "*" };
    const right = { Action: "s3:PutObject", Resource };
    const work = (own: Clients) => put(own, Bucket);
    const byBucket = await withRole(emulator, "without-own-right", nothing, work, path);
    return [
      byBucket,
      await withRole(emulator, "without-their-right", right, work),
      await withRole(emulator, "with-both-rights", right, work, path),
    ];
  });
}

/** The caller's account is let in, and the role that asks is not. */
async function seeDeniedRole(emulator: Emulator): Promise<unknown> {
  const Bucket = "but-not-for-writers";
  const Resource = `arn:aws:s3:::${Bucket}/*`;
  const grant = { Effect: "Allow", Principal: caller, Action: "s3:PutObject", Resource };
  const denial = { Effect: "Deny", Principal: "*", Action: "s3:PutObject", Resource, Condition: byRole };
  return asOwner(emulator, async (owners) => {
    await makeBucket(owners, Bucket);
    await owners.s3.send(new PutBucketPolicyCommand({ Bucket, Policy: policyOf(grant, denial) }));
    const right = { Action: "s3:PutObject", Resource };
    return withRole(emulator, "denied-there", right, (own) => put(own, Bucket), path);
  });
}

/**
 * The owner's root administers it; roles below the path make data keys, as nobody's account in
 * particular: within one account that alone would be enough.
 */
async function makeForeignKey({ kms }: Clients, name: string): Promise<string> {
  const owners = { Effect: "Allow", Principal: { AWS: `arn:aws:iam::${owner}:root` }, Action: "kms:*", Resource: "*" };
  const grant = { Effect: "Allow", Principal: "*", Action: "kms:GenerateDataKey", Resource: "*", Condition: byRole };
  const look = { Effect: "Allow", Principal: caller, Action: ["kms:DescribeKey", "kms:PutKeyPolicy"], Resource: "*" };
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Policy: policyOf(owners, grant, look) }));
  await kms.send(new CreateAliasCommand({ AliasName: `alias/${name}`, TargetKeyId: KeyMetadata?.KeyId }));
  return KeyMetadata?.Arn ?? "";
}

/** By the key's policy alone; by the caller's alone; by both. */
async function seeForeignKey(emulator: Emulator, name: string, by: "Arn" | "alias"): Promise<unknown> {
  const Resource = await asOwner(emulator, (owners) => makeForeignKey(owners, name));
  const KeyId = by === "Arn" ? Resource : `arn:aws:kms:${region}:${owner}:alias/${name}`;
  const work = ({ kms }: Clients) =>
    kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: "AES_256" })).then(() => "allowed", nameOf);
  const right = { Action: "kms:GenerateDataKey", Resource };
  return [
    await withRole(emulator, `${name}-without-own`, { Action: "kms:ListKeys", Resource: "*" }, work, path),
    await withRole(emulator, `${name}-without-theirs`, right, work),
    await withRole(emulator, `${name}-with-both`, right, work, path),
  ];
}

/**
 * The other account's root: what it was not granted, what nobody of another account does, what it
 * was granted.
 */
async function seeForeignRoot(emulator: Emulator): Promise<unknown> {
  const KeyId = await asOwner(emulator, (owners) => makeForeignKey(owners, "by-root"));
  const { kms } = emulator.clients;
  const said = (call: Promise<unknown>): Promise<string> => call.then(() => "allowed", nameOf);
  return [
    await said(kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: "AES_256" }))),
    await said(kms.send(new PutKeyPolicyCommand({ KeyId, Policy: policyOf() }))),
    await said(kms.send(new DescribeKeyCommand({ KeyId }))),
  ];
}
