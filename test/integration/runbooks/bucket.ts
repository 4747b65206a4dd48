/** Buckets with versions on a real S3 server, and what is done to them by mistake or by others. */
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  DeleteObjectCommand,
  ListObjectsV2Command,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { credentials } from "../../support/s3-server.ts";
import type { World } from "./scenario.ts";

export interface Bucket {
  readonly client: S3Client;
  readonly name: string;
  /** As a policy has it, in one line. */
  readonly vault: string;
  /** The credentials of who works with it. */
  readonly env: NodeJS.ProcessEnv;
}

/** A new bucket that keeps versions. */
export async function openBucket(world: World, name: string, region: BucketLocationConstraint): Promise<Bucket> {
  const { endpoint } = await world.startS3();
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials });
  await client.send(new CreateBucketCommand({ Bucket: name, CreateBucketConfiguration: { LocationConstraint: region } }));
  await client.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration: { Status: "Enabled" } }));
  return {
    client,
    name,
    vault: `{ type: s3, bucket: ${name}, region: ${region}, endpoint: "${endpoint}", pathStyle: true }`,
    env: { AWS_ACCESS_KEY_ID: credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey },
  };
}

/** Copies a folder vault into the bucket, as replication would. */
export async function moveToBucket({ client, name }: Bucket, folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    await client.send(new PutObjectCommand({ Bucket: name, Key: relative(folder, path), Body: await readFile(path) }));
  }
}

async function keysOf({ client, name }: Bucket): Promise<string[]> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: name }));
  return Contents.flatMap(({ Key }) => (Key === undefined ? [] : [Key]));
}

/** As `aws s3 rm --recursive` does. */
export async function deleteEverything(bucket: Bucket): Promise<void> {
  for (const Key of await keysOf(bucket)) await bucket.client.send(new DeleteObjectCommand({ Bucket: bucket.name, Key }));
}

/** Manifests are written over, and evidence is deleted. */
export async function encryptSome(bucket: Bucket): Promise<void> {
  for (const Key of await keysOf(bucket)) {
    const object = { Bucket: bucket.name, Key };
    if (Key.startsWith("manifests/config/")) await bucket.client.send(new PutObjectCommand({ ...object, Body: "pay" }));
    if (Key.startsWith("evidence/")) await bucket.client.send(new DeleteObjectCommand(object));
  }
}
