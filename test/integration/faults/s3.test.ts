/**
 * The main job against an S3 vault, alone and through a proxy that fails: a whole backup or none,
 * the right exit code.
 */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type FaultyS3Proxy, startFaultyS3Proxy } from "../../support/faulty-s3-proxy.ts";
import { createProject, type Project, postgresSource } from "../../support/holdfast.ts";
import { type MiniStackServer, startMiniStack } from "../../support/ministack.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";

let server: PostgresServer;
let ministack: MiniStackServer;
let proxy: FaultyS3Proxy;
let project: Project;

beforeAll(async () => {
  [server, ministack] = await Promise.all([startPostgres({ major: 17 }), startMiniStack()]);
  await server.sql("create table rows as select n, md5(n::text) || md5((n * 7)::text) as noise from generate_series(1, 400000) n");
  proxy = await startFaultyS3Proxy(ministack.endpoint);
  const { CreateBucketCommand, S3Client } = await import("@aws-sdk/client-s3");
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const client = new S3Client({ region: "us-east-1", endpoint: ministack.endpoint, forcePathStyle: true, credentials });
  await client.send(new CreateBucketCommand({ Bucket: "backups" }));
  client.destroy();
  project = await createProject({
    sources: postgresSource("db", "DB_URL"),
    vault: `{ type: s3, bucket: backups, prefix: team, region: us-east-1, pathStyle: true, retryFor: 1m, endpoint: "${proxy.endpoint}" }`,
    env: { DB_URL: server.url, AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" },
    majors: [17],
  });
}, 180_000);

afterEach(() => proxy.clear());

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await proxy.stop();
  await ministack.stop();
  await server.remove();
});

const ids = async (): Promise<string[]> =>
  (await project.holdfast(["list"])).json.backups.map((backup: { id: string }) => backup.id);

test("a backup in S3 is verified, proven and restored", { timeout: 300_000 }, async () => {
  expect((await project.holdfast(["check"])).code).toBe(0);
  const backup = await project.holdfast(["backup", "db"]);
  expect(backup.json).toMatchObject({ state: "verified" });
  expect((await project.holdfast(["restore-test", "db"])).json.tests[0]).toMatchObject({ check: "proven" });
  expect((await project.holdfast(["restore", "db@latest", "--to", "copy"])).code).toBe(0);
  expect(await server.sql("select count(*) from rows", "copy")).toBe("400000");
});

test.each([
  ["answers 503 now and then", { answer: 503, code: "SlowDown" } as const, "UploadPart" as const],
  ["answers 500 to the manifest", { answer: 500, code: "InternalError" } as const, "PutObject" as const],
  ["cuts an upload", { cutRequestAfter: 100_000 } as const, "UploadPart" as const],
  ["loses the answer to the commit", { loseAnswer: true } as const, "CompleteMultipartUpload" as const],
  ["is slow", { pauseMs: 5, pieceBytes: 65_536 } as const, "GetObject" as const],
])("a store that %s still gets a whole backup", { timeout: 300_000 }, async (_name, fault, operation) => {
  proxy.inject(operation, fault, 2);
  const backup = await project.holdfast(["backup", "db"]);
  expect(backup.json).toMatchObject({ state: "verified" });
  expect(backup.code).toBe(0);
});

test("a store that keeps failing gets no manifest and no artifact, and says so with exit code 1", {
  timeout: 300_000,
}, async () => {
  const before = await ids();
  proxy.inject("CompleteMultipartUpload", { answer: 503, code: "SlowDown" });
  proxy.inject("UploadPart", { answer: 500, code: "InternalError" });
  const { code, json } = await project.holdfast(["backup", "db"]);
  expect(json.error).toMatchObject({ class: "StoreUnavailable" });
  expect(code).toBe(1);
  proxy.clear();
  expect(await ids()).toEqual(before);
  expect((await project.holdfast(["backup", "db"])).code).toBe(0);
});

test("a connection that is cut while a backup is read back is no damage", { timeout: 300_000 }, async () => {
  proxy.inject("GetObject", { cutAnswerAfter: 200_000 });
  const verified = await project.holdfast(["verify", "db@latest"]);
  expect([0, 1]).toContain(verified.code);
  proxy.clear();
  const states = (await project.holdfast(["list"])).json.backups.map((backup: { state: string }) => backup.state);
  expect(states).not.toContain("damaged");
});
