/** Real S3 servers for tests: MiniStack always, versitygw where it is installed; both forgotten when stopped. */
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, ListMultipartUploadsCommand, S3Client } from "@aws-sdk/client-s3";
import { cacheDirectory } from "../../scripts/cache-directory.ts";
import type { S3Vault } from "../../src/policy/policy.ts";
import { findFreePort, startMiniStack } from "./ministack.ts";
import { waitFor } from "./processes.ts";
import { startWarden } from "./warden.ts";

export interface S3Server {
  readonly endpoint: string;
  /** A new bucket's configuration, as a policy would have it. */
  makeBucket(options?: Partial<S3Vault>): Promise<S3Vault & { readonly name: string }>;
  /** Incomplete multipart uploads in a bucket. */
  countUploads(bucket: string): Promise<number>;
  stop(): Promise<void>;
}

/** The SDK takes them from the environment, as in production; the local servers take any. */
const credentials = { accessKeyId: "test", secretAccessKey: "testtest" };

export function useTestCredentials(): void {
  process.env["AWS_ACCESS_KEY_ID"] = credentials.accessKeyId;
  process.env["AWS_SECRET_ACCESS_KEY"] = credentials.secretAccessKey;
}

export async function startMiniStackS3(): Promise<S3Server> {
  const server = await startMiniStack();
  return serve(server.endpoint, () => server.stop());
}

/** An S3 server independent of MiniStack, by other people in another language. Errors: a plain Error when findVersity finds none. */
export async function startVersityS3(): Promise<S3Server> {
  const program = findVersity();
  if (program === undefined) throw new Error("there is no versitygw here");
  const directory = mkdtempSync(join(tmpdir(), "holdfast-versity-"));
  for (const name of ["data", "versions"]) mkdirSync(join(directory, name));
  const port = await findFreePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const child = spawn(
    program,
    ["--port", `127.0.0.1:${port}`, "--quiet", "posix", "--versioning-dir", join(directory, "versions"), join(directory, "data")],
    {
      cwd: directory,
      stdio: "ignore",
      env: { ...process.env, ROOT_ACCESS_KEY: credentials.accessKeyId, ROOT_SECRET_KEY: credentials.secretAccessKey },
    },
  );
  child.on("error", () => undefined);
  const warden = startWarden('kill -KILL "$1" 2>/dev/null; sleep 0.2; rm -rf "$2"', [String(child.pid), directory]);
  const answers = () =>
    fetch(endpoint).then(
      () => true,
      () => false,
    );
  await waitFor(`versitygw at ${endpoint}`, answers);
  return serve(endpoint, () => warden.dismiss());
}

function serve(endpoint: string, stop: () => Promise<void>): S3Server {
  const client = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials });
  return {
    endpoint,
    async makeBucket(options = {}) {
      const bucket = `holdfast-${randomBytes(6).toString("hex")}`;
      // A vault that locks is in a bucket that keeps versions and locks.
      const locks = options.lock === undefined ? {} : { ObjectLockEnabledForBucket: true };
      await client.send(new CreateBucketCommand({ Bucket: bucket, ...locks }));
      return {
        name: "test",
        type: "s3",
        bucket,
        prefix: "",
        endpoint,
        pathStyle: true,
        partsLimit: 10_000,
        checksums: "supported",
        ...options,
      };
    },
    async countUploads(bucket) {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
      return Uploads.length;
    },
    async stop() {
      client.destroy();
      await stop();
    },
  };
}

/**
 * versitygw on the PATH or in the cache, where `GOBIN=<project>/.cache/versitygw-1.8.0 go install github.com/versity/versitygw/cmd/versitygw@v1.8.0`
 * puts it; undefined where there is none: MiniStack is the server that the tests demand.
 */
export function findVersity(): string | undefined {
  const built = join(cacheDirectory(), "versitygw-1.8.0", "versitygw");
  if (existsSync(built)) return built;
  if (spawnSync("versitygw", ["--version"], { stdio: "ignore" }).status === 0) return "versitygw";
  return undefined;
}
