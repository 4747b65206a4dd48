/**
 * Real S3 servers for tests: MiniStack always, versitygw and MinIO where they are installed; all
 * forgotten when stopped.
 */
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, ListMultipartUploadsCommand, PutBucketVersioningCommand, S3Client } from "@aws-sdk/client-s3";
import { cacheDirectory } from "../../scripts/cache-directory.ts";
import type { S3Vault } from "../../src/policy/policy.ts";
import { findFreePort, startMiniStack } from "./ministack.ts";
import { waitFor } from "./processes.ts";
import { startSupervisor } from "./supervisor.ts";

export interface S3Server {
  readonly endpoint: string;
  /** A new bucket's configuration, as a policy would have it. */
  makeBucket(options?: Partial<S3Vault> & { readonly versions?: boolean }): Promise<S3Vault & { readonly name: string }>;
  /** Incomplete multipart uploads in a bucket. */
  countUploads(bucket: string): Promise<number>;
  /**
   * Kills it, and starts it again after `downMs` with what it had stored; absent where it would
   * have forgotten all.
   */
  restart?(downMs: number): Promise<void>;
  stop(): Promise<void>;
}

/** The SDK takes them from the environment, as in production; the local servers take any. */
export const credentials = { accessKeyId: "test", secretAccessKey: "testtest" };

export function useTestCredentials(): void {
  process.env["AWS_ACCESS_KEY_ID"] = credentials.accessKeyId;
  process.env["AWS_SECRET_ACCESS_KEY"] = credentials.secretAccessKey;
}

export async function startMiniStackS3(): Promise<S3Server> {
  const server = await startMiniStack();
  return serve(server.endpoint, () => server.stop());
}

/**
 * An S3 server independent of MiniStack, by other people in another language. Errors: a plain Error
 * when findVersity finds none.
 */
export async function startVersityS3(): Promise<S3Server> {
  const program = findVersity();
  if (program === undefined) throw new Error("there is no versitygw here");
  return startProgram(program, (directory, port) => {
    for (const name of ["data", "versions"]) mkdirSync(join(directory, name), { recursive: true });
    const folders = ["--versioning-dir", join(directory, "versions"), join(directory, "data")];
    return {
      args: ["--port", `127.0.0.1:${port}`, "--quiet", "posix", ...folders],
      env: { ROOT_ACCESS_KEY: credentials.accessKeyId, ROOT_SECRET_KEY: credentials.secretAccessKey },
    };
  });
}

/** A third one, which many run at home. Errors: a plain Error when findMinio finds none. */
export async function startMinioS3(): Promise<S3Server> {
  const program = findMinio();
  if (program === undefined) throw new Error("there is no MinIO here");
  return startProgram(program, (directory, port) => ({
    args: ["server", "--quiet", "--address", `127.0.0.1:${port}`, join(directory, "data")],
    env: { MINIO_ROOT_USER: credentials.accessKeyId, MINIO_ROOT_PASSWORD: credentials.secretAccessKey, MINIO_BROWSER: "off" },
  }));
}

type Launch = (
  directory: string,
  port: number,
) => { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> };

async function startProgram(program: string, launch: Launch): Promise<S3Server> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-s3-"));
  const port = await findFreePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const { args, env } = launch(directory, port);
  const start = async () => {
    const child = spawn(program, args, { cwd: directory, stdio: "ignore", env: { ...process.env, ...env } });
    child.on("error", () => undefined);
    const supervisor = startSupervisor('kill -KILL "$1" 2>/dev/null', [String(child.pid)]);
    const answers = () =>
      fetch(endpoint).then(
        ({ status }) => status < 500,
        () => false,
      );
    await waitFor(`an S3 server at ${endpoint}`, answers, 60_000);
    return supervisor;
  };
  const keeper = startSupervisor('sleep 0.3; rm -rf "$1"', [directory]);
  let running = await start();
  return {
    ...serve(endpoint, async () => {
      await running.dismiss();
      await keeper.dismiss();
    }),
    async restart(downMs) {
      await running.dismiss();
      await new Promise((resolve) => setTimeout(resolve, downMs));
      running = await start();
    },
  };
}

function serve(endpoint: string, stop: () => Promise<void>): S3Server {
  const client = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials });
  return {
    endpoint,
    async makeBucket({ versions = false, ...options } = {}) {
      const bucket = `holdfast-${randomBytes(6).toString("hex")}`;
      // A vault that locks is in a bucket that keeps versions and locks.
      const locks = options.lock === undefined ? {} : { ObjectLockEnabledForBucket: true };
      await client.send(new CreateBucketCommand({ Bucket: bucket, ...locks }));
      if (versions) {
        const VersioningConfiguration = { Status: "Enabled" as const };
        await client.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration }));
      }
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
 * versitygw on the PATH or in the cache, where
 * `GOBIN=<project>/.cache/versitygw-1.8.0 go install github.com/versity/versitygw/cmd/versitygw@v1.8.0`
 * puts it; undefined where there is none: MiniStack is the server that the tests demand.
 */
export function findVersity(): string | undefined {
  const built = join(cacheDirectory(), "versitygw-1.8.0", "versitygw");
  if (existsSync(built)) return built;
  if (spawnSync("versitygw", ["--version"], { stdio: "ignore" }).status === 0) return "versitygw";
  return undefined;
}

/**
 * MinIO on the PATH or in the cache, where
 * `GOBIN=<project>/.cache/minio go install github.com/minio/minio@latest` puts it.
 */
export function findMinio(): string | undefined {
  const built = join(cacheDirectory(), "minio", "minio");
  if (existsSync(built)) return built;
  if (spawnSync("minio", ["--version"], { stdio: "ignore" }).status === 0) return "minio";
  return undefined;
}
