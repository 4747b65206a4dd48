/** The vault as its bucket shows it: manifests, evidence, and the bytes of artifacts. */
import { GetObjectCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import type { TestCloud } from "./cloud.ts";
import { vaultBucket } from "./policy.ts";

export async function keysIn({ clients: { s3 } }: TestCloud, prefix: string, Bucket = vaultBucket): Promise<string[]> {
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: prefix }));
  return Contents.map(({ Key = "" }) => Key);
}

export async function readObject({ clients: { s3 } }: TestCloud, key: string): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: vaultBucket, Key: key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

export async function readDocument(cloud: TestCloud, key: string): Promise<Record<string, unknown>> {
  return JSON.parse((await readObject(cloud, key)).toString("utf8")) as Record<string, unknown>;
}
