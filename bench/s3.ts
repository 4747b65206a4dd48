/**
 * Holdfast against restic and rclone on an S3 server of this machine, side by side
 * (`npm run bench -- --s3`).
 */

import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { projectDirectory } from "../scripts/cache-directory.ts";
import { runOk } from "../test/support/processes.ts";
import { credentials, findMinio, type S3Server, startMinioS3 } from "../test/support/s3-server.ts";
import { startSupervisor } from "../test/support/supervisor.ts";
import { courseServers, ensureServer } from "./course/servers.ts";
import { type Command, type Contender, measure, takeTurns } from "./measure.ts";
import { findDebianProgram } from "./restic.ts";
import { renderComparison } from "./table.ts";

/** Random bytes, which nothing can compress or find twice. */
const fileBytes = 4_000_000;

interface Subject {
  readonly directory: string;
  readonly tree: string;
  readonly server: S3Server;
}

/**
 * Backs up and restores `bytes` of incompressible files. Errors: a plain Error of a program that
 * fails, in its own words.
 */
export async function benchS3(runs: number, bytes: number): Promise<void> {
  if (findMinio() === undefined) for (const server of courseServers.filter(({ name }) => name === "MinIO")) ensureServer(server);
  const directory = await mkdtemp(join(tmpdir(), "hf-bench-"));
  await chmod(directory, 0o755);
  const supervisor = startSupervisor('rm -rf "$1"', [directory]);
  const server = await startMinioS3();
  try {
    const tree = join(directory, "tree");
    await makeTree(tree, bytes);
    const subject = { directory, tree, server };
    const pairs = [await holdfast(subject), await restic(subject), await rclone(subject)].flatMap((pair) => pair ?? []);
    const say = (name: string, { seconds }: { seconds: number }): void =>
      void process.stderr.write(`    ${seconds.toFixed(2).padStart(7)} s  ${name}\n`);
    const backups = await takeTurns(
      pairs.flatMap(({ backup }) => backup),
      runs,
      say,
    );
    console.log(renderComparison({ title: `Backup of ${bytes / 1e6} MB of files to S3 (MinIO)`, results: backups, aims: {} }));
    const restores = await takeTurns(
      pairs.map(({ restore }) => restore),
      runs,
      say,
    );
    console.log(renderComparison({ title: "Restore of them", results: restores, aims: {} }));
  } finally {
    await server.stop();
    await supervisor.dismiss();
    await rm(directory, { recursive: true, force: true });
  }
}

interface Pair {
  readonly backup: readonly Contender[];
  readonly restore: Contender;
}

async function makeTree(tree: string, bytes: number): Promise<void> {
  await mkdir(tree);
  for (let index = 0; index * fileBytes < bytes; index += 1) {
    const stream = createWriteStream(join(tree, `file-${index}`));
    stream.end(randomBytes(Math.min(fileBytes, bytes - index * fileBytes)));
    await finished(stream);
  }
}

const keys = { AWS_ACCESS_KEY_ID: credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey };

/**
 * Every backup is of the same tree into a bucket that is new: nothing is found there that need not
 * be sent.
 */
async function holdfast({ directory, server }: Subject): Promise<Pair> {
  const env = { ...process.env, ...keys, HOLDFAST_TMPDIR: directory };
  const policy = join(directory, "holdfast.yml");
  const command = (...args: string[]): Command => ({
    command: process.execPath,
    args: [join(projectDirectory, "bin/holdfast.mjs"), "--policy", policy, ...args],
    env,
  });
  const initial = [join(projectDirectory, "bin/holdfast.mjs"), "--policy", join(directory, "initial.yml"), "init"];
  await runOk(process.execPath, [...initial, "--key", join(directory, "main.key")]);
  const intoNewBucket = async (): Promise<void> => {
    const { bucket } = await server.makeBucket();
    const vault = `{ type: s3, bucket: ${bucket}, endpoint: "${server.endpoint}", pathStyle: true, prefix: bench }`;
    await writeFile(
      policy,
      `version: 1\nvaults: { main: ${vault} }\nkeys: { main: file:main.key }\nsources: { tree: { engine: files, path: tree, retention: { daily: 7 } } }\n`,
    );
  };
  const target = join(directory, "restored-holdfast");
  return {
    backup: [
      {
        name: "Holdfast backup",
        prepare: intoNewBucket,
        run: () => measure(command("backup", "tree", "--no-verify", "--no-prune")),
      },
      { name: "Holdfast backup, read back", prepare: intoNewBucket, run: () => measure(command("backup", "tree", "--no-prune")) },
    ],
    restore: {
      name: "Holdfast restore",
      prepare: async () => {
        await rm(target, { recursive: true, force: true });
        // What nobody has read back is not restored by its time alone.
        await measure(command("verify", "tree@latest"));
      },
      run: () => measure(command("restore", "tree@latest", "--to", target)),
    },
  };
}

async function restic({ directory, tree, server }: Subject): Promise<Pair | undefined> {
  const program = findDebianProgram("restic");
  if (program === undefined) return undefined;
  let env: NodeJS.ProcessEnv = {};
  const intoNewBucket = async (): Promise<void> => {
    const { bucket } = await server.makeBucket();
    const RESTIC_REPOSITORY = `s3:${server.endpoint}/${bucket}`;
    env = {
      ...process.env,
      ...keys,
      RESTIC_REPOSITORY,
      RESTIC_PASSWORD: "a bench's secret",
      RESTIC_CACHE_DIR: join(directory, bucket),
    };
    await runOk(program, ["--quiet", "init"], { env });
  };
  const target = join(directory, "restored-restic");
  return {
    backup: [
      {
        name: "restic backup",
        prepare: intoNewBucket,
        run: () => measure({ command: program, args: ["--quiet", "backup", tree], env }),
      },
    ],
    restore: {
      name: "restic restore",
      prepare: () => rm(target, { recursive: true, force: true }),
      run: () => measure({ command: program, args: ["--quiet", "restore", "latest", "--target", target], env }),
    },
  };
}

/** Copies the files as they are: neither sealed nor in a form that notices damage. */
async function rclone({ directory, tree, server }: Subject): Promise<Pair | undefined> {
  const program = findDebianProgram("rclone");
  if (program === undefined) return undefined;
  const env = {
    ...process.env,
    ...keys,
    RCLONE_CONFIG_BENCH_TYPE: "s3",
    RCLONE_CONFIG_BENCH_PROVIDER: "Minio",
    RCLONE_CONFIG_BENCH_ENV_AUTH: "true",
    RCLONE_CONFIG_BENCH_ENDPOINT: server.endpoint,
    // It cannot load one, and the server speaks plain HTTP.
    AWS_CA_BUNDLE: undefined,
  };
  let remote = "";
  const copy = (from: string, to: string): Command => ({ command: program, args: ["copy", "--quiet", from, to], env });
  const target = join(directory, "restored-rclone");
  return {
    backup: [
      {
        name: "rclone copy (not sealed)",
        prepare: async () => {
          remote = `bench:${(await server.makeBucket()).bucket}`;
        },
        run: () => measure(copy(tree, remote)),
      },
    ],
    restore: {
      name: "rclone copy back",
      prepare: () => rm(target, { recursive: true, force: true }),
      run: () => measure(copy(remote, target)),
    },
  };
}
