/**
 * Where S3 servers of others differ from AWS, and what a vault does about it: MiniStack always,
 * versitygw and MinIO where they are.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer as createWebServer } from "node:http";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkWriting } from "../../src/pipeline/check/check-writing.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import type { S3Vault } from "../../src/policy/policy.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { addHold, listHolds, removeHold } from "../../src/vault/documents/holds.ts";
import { initVault } from "../../src/vault/documents/vault.ts";
import { keyOf } from "../../src/vault/layout.ts";
import { acquireLease } from "../../src/vault/leases.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { openPlace } from "../../src/vault/s3/client.ts";
import { openS3Store } from "../../src/vault/s3/store.ts";
import { type FaultyS3Proxy, startFaultyS3Proxy } from "../support/faulty-s3-proxy.ts";
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
import { makeCertificates } from "../support/server-certificates.ts";
import { signedVault, testSigner } from "../support/signed-vault.ts";
import { collect, patternedBytes, toList } from "../support/streams.ts";

const timeouts = { connectMs: 1_000, silenceMs: 5_000, retryMs: 20_000, firstContactMs: 1_000, cleanupMs: 2_000 };
const largeBytes = 27_000_001;

const starters: [string, () => Promise<S3Server>][] = [["MiniStack", startMiniStackS3]];
if (findVersity() !== undefined) starters.push(["versitygw", startVersityS3]);
if (findMinio() !== undefined) starters.push(["MinIO", startMinioS3]);

const context = {
  run: { clock: systemClock, randomBytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)) },
} as unknown as PipelineContext;
const check = (store: ObjectStore) => checkWriting(context, store, "writing", { artifacts: true });

useTestCredentials();

/** A web server that is no S3 server: it answers 404 to everything. */
async function answering404(): Promise<string> {
  const web = createWebServer((_request, response) =>
    response.writeHead(404, { "content-type": "text/html" }).end("<html>none</html>"),
  );
  await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
  web.unref();
  return `http://127.0.0.1:${(web.address() as { readonly port: number }).port}`;
}

describe.each(starters)("%s", (_name, start) => {
  let server: S3Server;
  let proxy: FaultyS3Proxy;
  let client: S3Client;
  beforeAll(async () => {
    server = await start();
    proxy = await startFaultyS3Proxy(server.endpoint);
    client = new S3Client({ endpoint: server.endpoint, region: "us-east-1", forcePathStyle: true, credentials });
  });
  afterAll(async () => {
    client.destroy();
    await proxy.stop();
    await server.stop();
  });

  const versionsOf = async (bucket: string, prefix: string) => {
    const { Versions = [], DeleteMarkers = [] } = await client.send(
      new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix }),
    );
    return [...Versions, ...DeleteMarkers];
  };
  const through = (config: S3Vault): ObjectStore => openS3Store({ ...config, endpoint: proxy.endpoint }, { timeouts });

  it("passes the check, which leaves nothing", async () => {
    for (const versions of [false, true]) {
      const config = await server.makeBucket({ prefix: "team", versions });
      const store = openS3Store(config);
      const findings = await check(store);
      expect(findings).toHaveLength(1);
      expect(findings[0]).toMatchObject({ level: "ok", message: expect.stringContaining("also in parts") });
      expect(await versionsOf(config.bucket, "")).toEqual([]);
      expect(await server.countUploads(config.bucket)).toBe(0);
      store.close();
    }
  });

  it("passes the check of a bucket that locks, which leaves one probe for two minutes", async () => {
    const config = await server.makeBucket({ lock: { mode: "governance" } });
    const store = openS3Store(config);
    expect(await check(store)).toMatchObject([{ level: "ok" }]);
    const left = await toList(store.list("probes/"));
    expect(left.map(({ key }) => key)).toEqual([expect.stringMatching(/^probes\/[0-9a-f]{16}-locked$/)]);
    const { lock } = (await store.head(left[0]?.key ?? "")) ?? {};
    expect(lock?.until?.getTime()).toBeLessThan(Date.now() + 121_000);
    store.close();
  });

  it("stores a large object where the object's size may not be sent, and asks only once", async () => {
    const store = through(await server.makeBucket());
    proxy.clear();
    proxy.inject("CompleteMultipartUpload", { refuseHeader: "x-amz-mp-object-size" });
    for (const key of ["one", "two"]) {
      await store.put(key, patternedBytes(largeBytes, 3), { ifAbsent: true });
      expect((await store.head(key))?.bytes).toBe(largeBytes);
    }
    expect(proxy.requests.filter((operation) => operation === "CompleteMultipartUpload")).toHaveLength(3);
    // A small object in parts meets the same refusal: so does a check.
    expect(await check(store)).toMatchObject([{ level: "ok" }]);
    store.close();
  });

  it("leaves one version of a lease in a bucket that keeps versions", async () => {
    const config = await server.makeBucket({ versions: true });
    const store = openS3Store(config);
    for (let holder = 0; holder < 2; holder += 1) {
      const lease = await acquireLease(
        store,
        { source: "db", stream: "backup" },
        { holder: "test", purpose: "test", ttlSeconds: 60, clock: systemClock },
      );
      for (let renewal = 0; renewal < 3; renewal += 1) await lease.renew();
      await lease.release();
    }
    expect(await versionsOf(config.bucket, "leases/")).toHaveLength(1);
    store.close();
  });

  it("takes a lease, and creates an object, that others deleted in a bucket that keeps versions", async () => {
    const config = await server.makeBucket({ versions: true });
    const store = openS3Store(config);
    const request = { holder: "test", purpose: "test", ttlSeconds: 60, clock: systemClock };
    await (await acquireLease(store, { source: "db", stream: "backup" }, request)).release();
    await store.put("RESTORE.md", Buffer.from("Read."), { ifAbsent: true });
    for (const Key of ["leases/writing/db/backup.json", "RESTORE.md"])
      await client.send(new DeleteObjectCommand({ Bucket: config.bucket, Key }));
    await (await acquireLease(store, { source: "db", stream: "backup" }, request)).release();
    // A server that creates nothing over a marker shows again what the marker hid.
    const created = await store.put("RESTORE.md", Buffer.from("Read."), { ifAbsent: true }).catch((error: unknown) => error);
    if (created instanceof Error) expect(created).toMatchObject({ name: "ObjectExists" });
    expect((await collect((await store.get("RESTORE.md")).body)).toString()).toBe("Read.");
    store.close();
  });

  it("keeps a hold, and the vault's own documents, from everyone who only deletes, hides or overwrites them", async () => {
    const config = await server.makeBucket({ lock: { mode: "governance" } });
    const store = openS3Store(config);
    const id = "20261120T020000Z-full-7k3f9a";
    const hold = {
      formatVersion: 2,
      source: "db",
      backupId: id,
      by: "me",
      reason: "case",
      at: "2026-11-20T02:00:00.000Z",
    } as const;
    await initVault(store, {
      clock: systemClock,
      randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
      holdfastVersion: "0.1.0",
      restoreInstructions: async () => "Read.",
    });
    await store.put(keyOf.manifest("db", id), Buffer.from("{}"));
    const vault = signedVault(store);
    await addHold(vault, hold, testSigner);
    const [held] = await toList(store.list("holds/"));
    const Key = held?.key ?? "";
    for (const Key of ["holdfast.json", "RESTORE.md", held?.key ?? ""]) {
      for (const { VersionId } of await versionsOf(config.bucket, Key)) {
        await expect(client.send(new DeleteObjectCommand({ Bucket: config.bucket, Key, VersionId }))).rejects.toThrow();
      }
    }
    // Overwritten, then hidden: both leave what was there.
    await client.send(new PutObjectCommand({ Bucket: config.bucket, Key, Body: "{}" }));
    await client.send(new DeleteObjectCommand({ Bucket: config.bucket, Key }));
    expect(await toList(listHolds(vault))).toMatchObject([{ backupId: id, problem: expect.stringMatching(/outside Holdfast/) }]);
    await removeHold(vault, "db", id);
    expect(await versionsOf(config.bucket, Key)).toEqual([]);
    expect((await store.head(keyOf.manifest("db", id)))?.lock?.held ?? false).toBe(false);
    await addHold(vault, hold, testSigner);
    await removeHold(vault, "db", id);
    expect(await toList(listHolds(vault))).toEqual([]);
    store.close();
  });

  it("takes back dead uploads of this vault, and of no other", async () => {
    const config = await server.makeBucket({ prefix: "team" });
    const store = openS3Store(config);
    for (const Key of ["team/artifacts/db/x/dump", "teams/artifacts/db/x/dump"]) {
      await client.send(new CreateMultipartUploadCommand({ Bucket: config.bucket, Key }));
    }
    expect(await store.abortStaleUploads(new Date(Date.now() + 3_600_000))).toBe(1);
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: config.bucket }));
    expect(Uploads.map(({ Key }) => Key)).toEqual(["teams/artifacts/db/x/dump"]);
    store.close();
  });

  it("goes down for seconds while a large object is stored and read: nothing is lost, and the reason is reported", async () => {
    const lines: string[] = [];
    const log = { info: (line: string) => void lines.push(line), warn: (line: string) => void lines.push(line) };
    const store = openS3Store({ ...(await server.makeBucket()), endpoint: proxy.endpoint }, { timeouts, log });
    proxy.clear();
    const down = server.restart === undefined ? () => proxy.goDown(4_000) : server.restart.bind(undefined, 4_000);
    async function* interrupted(): AsyncGenerator<Uint8Array> {
      let outage: Promise<void> | undefined;
      let bytes = 0;
      for await (const chunk of patternedBytes(largeBytes, 9)) {
        bytes += chunk.length;
        if (bytes > 12_000_000) outage ??= down();
        yield chunk;
      }
      await outage;
    }
    await store.head("first-contact");
    await store.put("large", interrupted(), { ifAbsent: true });
    proxy.inject("GetObject", { cutAnswerAfter: 9_000_000 }, 1);
    const { body } = await store.get("large");
    let outage: Promise<void> | undefined;
    const read: Buffer[] = [];
    for await (const chunk of body as AsyncIterable<Buffer>) {
      read.push(chunk);
      outage ??= down();
    }
    await outage;
    const whole = await collect(patternedBytes(largeBytes, 9));
    expect(Buffer.concat(read).equals(whole)).toBe(true);
    expect(lines.join("\n")).toMatch(/waiting for the store s3:\/\/\S+: \w+, \d+ s/);
    store.close();
  });

  it("is asked once more, with its own time, by a machine whose clock is an hour off", async () => {
    const config = await server.makeBucket();
    const { client: skewed } = openPlace(config, { timeouts });
    skewed.config.systemClockOffset = 3_600_000;
    for (const command of [
      () => new ListObjectsV2Command({ Bucket: config.bucket }),
      () => new PutObjectCommand({ Bucket: config.bucket, Key: "x", Body: "x" }),
    ])
      await skewed.send(command() as ListObjectsV2Command);
    // Of a HEAD's refusal, only a GET tells the reason.
    skewed.config.systemClockOffset = -3_600_000;
    expect(await skewed.send(new HeadObjectCommand({ Bucket: config.bucket, Key: "x" }))).toMatchObject({ ContentLength: 1 });
    skewed.config.systemClockOffset = -3_600_000;
    await expect(skewed.send(new HeadObjectCommand({ Bucket: config.bucket, Key: "y" }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 404 },
    });
    skewed.destroy();
  });

  it("says what is wrong with the address or the keys", async () => {
    const config = await server.makeBucket();
    const failing = async (options: Partial<S3Vault>) => {
      const store = openS3Store({ ...config, ...options }, { timeouts });
      const error = await store.head("holdfast.json").catch((thrown: unknown) => thrown);
      store.close();
      return error;
    };
    expect(await failing({ bucket: "holdfast-no-such-bucket" })).toMatchObject({
      name: "BucketNotFound",
      message: expect.stringContaining("there is no such bucket"),
      hint: expect.stringContaining("Create the bucket"),
    });
    expect(await failing({ endpoint: server.endpoint.replace("http:", "https:") })).toMatchObject({
      name: "VaultInvalid",
      message: expect.stringContaining("no S3 server answers there"),
      hint: expect.stringContaining("http://"),
    });
    expect(await failing({ endpoint: await answering404() })).toMatchObject({
      name: "VaultInvalid",
      message: expect.stringContaining("404"),
    });
    // MiniStack takes any key.
    if (server.restart === undefined) return;
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env;
    try {
      process.env["AWS_SECRET_ACCESS_KEY"] = "wrong";
      expect(await failing({})).toMatchObject({
        name: "StoreAccessDenied",
        message: expect.stringContaining("the secret access key does not belong to the access key"),
      });
      process.env["AWS_ACCESS_KEY_ID"] = "nobody";
      expect(await failing({})).toMatchObject({
        name: "StoreAccessDenied",
        message: expect.stringContaining("the store does not know this access key"),
      });
    } finally {
      Object.assign(process.env, { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY });
    }
  });
});

describe("an answer that lacks what was asked for", () => {
  let server: S3Server;
  let proxy: FaultyS3Proxy;
  beforeAll(async () => {
    server = await startMiniStackS3();
    proxy = await startFaultyS3Proxy(server.endpoint);
  });
  afterAll(async () => {
    await proxy.stop();
    await server.stop();
  });

  it("is unknown, and never said to be off", async () => {
    const config = { ...(await server.makeBucket({ lock: { mode: "governance" } })), endpoint: proxy.endpoint };
    const store = openS3Store(config, { timeouts });
    proxy.inject("versioning", { body: "<VersioningConfiguration/>" });
    proxy.inject("object-lock", { body: "<ObjectLockConfiguration/>" });
    proxy.inject("encryption", { body: "<ServerSideEncryptionConfiguration/>" });
    proxy.inject("lifecycle", { body: "<LifecycleConfiguration/>" });
    const findings = await store.inspect(systemClock);
    for (const subject of ["versioning", "lock", "encryption", "lifecycle"]) {
      expect(findings.filter((found) => found.subject === subject)).toMatchObject([
        { level: "warning", message: expect.stringMatching(/^not known: the server's answer does not say/) },
      ]);
    }
    store.close();
  });

  it.each([
    ["a bucket that keeps versions", {}, 1],
    ["one of which the identity may not even ask that", { versioning: 403 }, 1],
    ["one that has no answer to it", { versions: 501 }, 0],
  ] as const)(
    "is a warning where versions may not be listed: deletions are hidden then, in %s",
    async (_what, answers, warnings) => {
      proxy.clear();
      const store = openS3Store({ ...(await server.makeBucket({ versions: true })), endpoint: proxy.endpoint }, { timeouts });
      const findHidden = async () => (await store.inspect(systemClock)).filter(({ subject }) => subject === "hidden deletions");
      expect(await findHidden()).toEqual([]);
      for (const [operation, status] of Object.entries({ versions: 403, ...answers })) {
        proxy.inject(operation as "versions", { answer: status, code: status === 403 ? "AccessDenied" : "NotImplemented" });
      }
      const found = await findHidden();
      expect(found).toHaveLength(warnings);
      for (const finding of found) {
        expect(finding).toMatchObject({ level: "warning", remedy: expect.stringContaining("s3:ListBucketVersions") });
      }
      store.close();
    },
  );
});

describe("a store whose certificate nobody knows", () => {
  it("is refused at once, with what to set", async () => {
    const directory = await mkdtemp(join(tmpdir(), "holdfast-tls-"));
    const { certFile, keyFile } = await makeCertificates(directory, undefined);
    const pair = { key: await readFile(keyFile), cert: await readFile(certFile) };
    await rm(directory, { recursive: true });
    const web = createServer(pair, (_request, response) => response.end());
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    const { port } = web.address() as { readonly port: number };
    const endpoint = `https://127.0.0.1:${port}`;
    const store = openS3Store(
      { type: "s3", bucket: "vault", prefix: "", endpoint, pathStyle: true, partsLimit: 10_000, checksums: "supported" },
      { timeouts: { ...timeouts, retryMs: 600_000, firstContactMs: 600_000 } },
    );
    await expect(store.head("holdfast.json")).rejects.toMatchObject({
      name: "VaultInvalid",
      message: expect.stringContaining("its certificate is not trusted"),
      hint: expect.stringContaining("NODE_EXTRA_CA_CERTS"),
    });
    store.close();
    web.closeAllConnections();
    web.close();
  });
});
