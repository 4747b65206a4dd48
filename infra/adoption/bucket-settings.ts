/** What a bucket is like: every setting that a vault depends on, asked of S3. Changes nothing. */
import {
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLoggingCommand,
  GetBucketOwnershipControlsCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  type LifecycleRule,
  type ObjectLockConfiguration,
  type PublicAccessBlockConfiguration,
  type S3Client,
  type ServerSideEncryptionRule,
} from "@aws-sdk/client-s3";

export interface BucketSettings {
  readonly versioning: string | undefined;
  readonly lock: ObjectLockConfiguration | undefined;
  /** JSON. */
  readonly policy: string | undefined;
  readonly encryption: ServerSideEncryptionRule | undefined;
  readonly publicAccess: PublicAccessBlockConfiguration | undefined;
  readonly ownership: string | undefined;
  readonly rules: readonly LifecycleRule[];
  /** Where its access log goes. */
  readonly logBucket: string | undefined;
}

/**
 * `missing`: there is no such bucket; `foreign`: it is somebody else's, or may not be looked at.
 */
export type BucketPresence = "own" | "missing" | "foreign";

/** Whether the account has the bucket. Errors: those of the S3 client, but 403 and 404. */
export async function lookForBucket(client: S3Client, Bucket: string, ExpectedBucketOwner: string): Promise<BucketPresence> {
  try {
    await client.send(new HeadBucketCommand({ Bucket, ExpectedBucketOwner }));
    return "own";
  } catch (error) {
    const status = statusOf(error);
    // Another region answers with a redirect: the name is taken, and not by a bucket of this one.
    if (status === 403 || status === 301) return "foreign";
    if (status === 404) return "missing";
    throw error;
  }
}

/** Errors: those of the S3 client; a setting that is not configured is none. */
export async function readBucketSettings(client: S3Client, Bucket: string, ExpectedBucketOwner: string): Promise<BucketSettings> {
  const own = { Bucket, ExpectedBucketOwner };
  return {
    versioning: (await client.send(new GetBucketVersioningCommand(own))).Status,
    lock: (await orNone(client.send(new GetObjectLockConfigurationCommand(own))))?.ObjectLockConfiguration,
    policy: (await orNone(client.send(new GetBucketPolicyCommand(own))))?.Policy,
    encryption: (await orNone(client.send(new GetBucketEncryptionCommand(own))))?.ServerSideEncryptionConfiguration?.Rules?.[0],
    publicAccess: (await orNone(client.send(new GetPublicAccessBlockCommand(own))))?.PublicAccessBlockConfiguration,
    ownership: (await orNone(client.send(new GetBucketOwnershipControlsCommand(own))))?.OwnershipControls?.Rules?.[0]
      ?.ObjectOwnership,
    rules: (await orNone(client.send(new GetBucketLifecycleConfigurationCommand(own))))?.Rules ?? [],
    logBucket: (await client.send(new GetBucketLoggingCommand(own))).LoggingEnabled?.TargetBucket,
  };
}

async function orNone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

function statusOf(error: unknown): number | undefined {
  return (error as { readonly $metadata?: { readonly httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode;
}
