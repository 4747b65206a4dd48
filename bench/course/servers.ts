/**
 * The S3 servers of the course: built from source into the project's cache with Go, and never part
 * of what is shipped.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "../../scripts/cache-directory.ts";
import { findMinio, findVersity, type S3Server, startMinioS3, startVersityS3 } from "../../test/support/s3-server.ts";

interface CourseServer {
  readonly name: string;
  readonly module: string;
  /** The directory of the cache that the program is found in (test/support/s3-server.ts). */
  readonly directory: string;
  find(): string | undefined;
  start(): Promise<S3Server>;
}

export const courseServers: readonly CourseServer[] = [
  {
    name: "versitygw 1.8.0",
    module: "github.com/versity/versitygw/cmd/versitygw@v1.8.0",
    directory: "versitygw-1.8.0",
    find: findVersity,
    start: startVersityS3,
  },
  { name: "MinIO", module: "github.com/minio/minio@latest", directory: "minio", find: findMinio, start: startMinioS3 },
];

/**
 * Builds the server where it is missing; minutes of CPU. Errors: a plain Error that says what to
 * install.
 */
export function ensureServer({ name, module, directory, find }: CourseServer): void {
  if (find() !== undefined) return;
  process.stderr.write(`building ${name} with go install ${module}: some minutes\n`);
  const bin = join(cacheDirectory(), directory);
  mkdirSync(bin, { recursive: true });
  const { status, error } = spawnSync("go", ["install", module], { env: { ...process.env, GOBIN: bin }, stdio: ["ignore", 2, 2] });
  if (status === 0 && find() !== undefined) return;
  throw new Error(
    `${name} could not be built (${error?.message ?? `go ended with ${status}`}): install Go 1.24 or later, or put the program on the PATH`,
  );
}
