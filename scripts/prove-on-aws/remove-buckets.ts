/**
 * `node remove-buckets.ts BUCKET...`: deletes every version of every object, and the buckets; those
 * that are gone are left alone. A name that ends in `*` stands for all that begin so.
 */
import {
  DeleteBucketCommand,
  DeleteObjectsCommand,
  ListBucketsCommand,
  ListObjectVersionsCommand,
  S3Client,
} from "@aws-sdk/client-s3";

const client = new S3Client({ forcePathStyle: process.env["AWS_ENDPOINT_URL"] !== undefined });

async function named(pattern: string): Promise<string[]> {
  if (!pattern.endsWith("*")) return [pattern];
  const { Buckets = [] } = await client.send(new ListBucketsCommand({}));
  return Buckets.map(({ Name = "" }) => Name).filter((name) => name.startsWith(pattern.slice(0, -1)));
}

async function remove(Bucket: string): Promise<number> {
  for (let count = 0; ; ) {
    const { Versions = [], DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket }));
    const Objects = [...Versions, ...DeleteMarkers].map(({ Key = "", VersionId = "" }) => ({ Key, VersionId }));
    if (Objects.length === 0) {
      await client.send(new DeleteBucketCommand({ Bucket }));
      return count;
    }
    const { Errors = [] } = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
    const [first] = Errors;
    if (first !== undefined) throw new Error(`${Bucket}/${first.Key} could not be deleted: ${first.Code}`);
    count += Objects.length;
  }
}

for (const bucket of (await Promise.all(process.argv.slice(2).map(named))).flat()) {
  try {
    console.log(`removed ${bucket} with ${await remove(bucket)} versions`);
  } catch (error) {
    const { name } = error as Error;
    if (name !== "NoSuchBucket") throw error;
    console.log(`${bucket} is gone`);
  }
}
