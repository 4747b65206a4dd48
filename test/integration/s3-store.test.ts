import { DeleteObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { S3Vault } from "../../src/policy/policy.ts";
import { openS3Store } from "../../src/vault/s3/store.ts";
import {
  credentials,
  findMinio,
  findVersity,
  type S3Server,
  startMinioS3,
  startMiniStackS3,
  startVersityS3,
  useTestCredentials,
} from "../support/s3-server.ts";
import { collect, toList } from "../support/streams.ts";
import { testObjectStore } from "../vault/object-store.contract.ts";
import { testObjectVersions } from "../vault/object-versions.contract.ts";

let server: S3Server;
let versity: S3Server | undefined;
let minio: S3Server | undefined;
beforeAll(async () => {
  useTestCredentials();
  [server, versity, minio] = await Promise.all([
    startMiniStackS3(),
    findVersity() === undefined ? undefined : startVersityS3(),
    findMinio() === undefined ? undefined : startMinioS3(),
  ]);
});
afterAll(async () => {
  await Promise.all([server?.stop(), versity?.stop(), minio?.stop()]);
});

/** Three parts and a bit. */
const largeBytes = 27_000_001;

const ministack = () => server;
const places: [string, () => S3Server | undefined, Partial<S3Vault>][] = [
  ["S3 (MiniStack)", ministack, {}],
  ["S3 (MiniStack) in a bucket that locks", ministack, { lock: { mode: "governance" } }],
  ["S3 (MiniStack) below a prefix, without checksums", ministack, { prefix: "some/where", checksums: "required" }],
];
// The tests need MiniStack; servers of others are tried where they are.
if (findVersity() !== undefined) places.push(["S3 (versitygw)", () => versity, { prefix: "vault" }]);
if (findMinio() !== undefined) places.push(["S3 (MinIO)", () => minio, { prefix: "vault" }]);

for (const [name, serverOf, options] of places) {
  testObjectStore(
    name,
    async () => {
      const server = serverOf();
      if (server === undefined) throw new Error(`${name} did not start`);
      const config = await server.makeBucket(options);
      const [store, other] = [openS3Store(config), openS3Store(config)];
      return {
        store,
        other,
        countLeftovers: () => server.countUploads(config.bucket),
        dispose: async () => {
          store.close();
          other.close();
        },
      };
    },
    { largeBytes },
  );
}

for (const [name, serverOf, options] of places.filter(([each]) => !each.includes("below a prefix"))) {
  testObjectVersions(name, async () => {
    const server = serverOf();
    if (server === undefined) throw new Error(`${name} did not start`);
    const config = await server.makeBucket({ ...options, versions: true });
    const client = new S3Client({ endpoint: server.endpoint, region: "us-east-1", forcePathStyle: true, credentials });
    const store = openS3Store(config);
    const named = (key: string) => ({ Bucket: config.bucket, Key: config.prefix === "" ? key : `${config.prefix}/${key}` });
    return {
      store,
      hide: async (key) => void (await client.send(new DeleteObjectCommand(named(key)))),
      overwrite: async (key, Body) => void (await client.send(new PutObjectCommand({ ...named(key), Body }))),
      dispose: async () => {
        store.close();
        client.destroy();
      },
    };
  });
}

describe("an S3 vault", () => {
  it("keeps to its prefix: two vaults in one bucket do not see each other", async () => {
    const config = await server.makeBucket();
    const [one, two] = [openS3Store({ ...config, prefix: "one" }), openS3Store({ ...config, prefix: "one-more" })];
    await one.put("holdfast.json", Buffer.from("1"));
    await two.put("holdfast.json", Buffer.from("2"));
    expect((await toList(one.list(""))).map(({ key }) => key)).toEqual(["holdfast.json"]);
    expect((await collect((await two.get("holdfast.json")).body)).toString()).toBe("2");
    expect(one.url).toBe(`s3://${config.bucket}/one`);
    one.close();
    two.close();
  });

  it("says that there is no such bucket, and where", async () => {
    const store = openS3Store({ ...(await server.makeBucket()), bucket: "holdfast-no-such-bucket" });
    const missing = { name: "BucketNotFound", message: expect.stringContaining("s3://holdfast-no-such-bucket") };
    await expect(store.put("a", Buffer.from("x"))).rejects.toMatchObject(missing);
    await expect(toList(store.list(""))).rejects.toMatchObject(missing);
    await expect(store.get("a")).rejects.toMatchObject(missing);
    await expect(store.head("a")).rejects.toMatchObject(missing);
    store.close();
  });
});
