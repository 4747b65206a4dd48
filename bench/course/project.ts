/**
 * What the course works on: a tree, a database, two vaults on one server, and the command line to
 * run on them.
 */
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { projectDirectory } from "../../scripts/cache-directory.ts";
import { createProject, type Project } from "../../test/support/holdfast.ts";
import { type PostgresServer, startPostgres } from "../../test/support/postgres-server.ts";
import { type RunResult, run } from "../../test/support/processes.ts";
import { credentials, type S3Server } from "../../test/support/s3-server.ts";

export const courseMajor = 17;
/** Incompressible, in files small and large: 130 MB. */
const fileMegabytes = [...Array.from({ length: 66 }, () => 1), 64];
const rows = 700_000;
const commandMs = 1_200_000;

export interface CourseProject extends AsyncDisposable {
  readonly project: Project;
  readonly database: PostgresServer;
  readonly buckets: { readonly locked: string; readonly plain: string; readonly state: string };
  readonly rows: number;
  /** One command to its end, with --json. */
  command(...args: string[]): Promise<RunResult>;
}

/** Sets everything up on `server`, which is reached at `endpoint`: through a proxy. */
export async function openCourseProject(server: S3Server, endpoint: string): Promise<CourseProject> {
  const database = await startPostgres({ major: courseMajor });
  await database.sql(
    `create table orders as select n, md5(n::text) || md5((n * 7)::text) as noise from generate_series(1, ${rows}) n; alter table orders add primary key (n)`,
  );
  const locked = await server.makeBucket({ lock: { mode: "governance" } });
  const [plain, state] = [await server.makeBucket({ versions: true }), await server.makeBucket()];
  const project = await createProject({
    sources: "",
    majors: [courseMajor],
    env: {
      DB_URL: database.url,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
  });
  await makeTrees(project.directory);
  const at = `endpoint: "${endpoint}", pathStyle: true, prefix: team`;
  await writeFile(
    project.policyFile,
    `version: 1
vaults:
  locked: { type: s3, bucket: ${locked.bucket}, ${at}, lock: governance, state: "s3://${state.bucket}" }
  plain: { type: s3, bucket: ${plain.bucket}, ${at} }
keys: { main: file:main.key }
sources:
  tree: { engine: files, path: tree, vault: locked, retention: { daily: 7 } }
  db: { engine: postgres, connection: env:DB_URL, vault: locked, retention: { daily: 7 } }
  notes: { engine: files, path: notes, vault: plain, retention: { keepLast: 1, maxRemoval: 100% } }
`,
  );
  const launcher = join(projectDirectory, "bin/holdfast.mjs");
  return {
    project,
    database,
    buckets: { locked: locked.bucket, plain: plain.bucket, state: state.bucket },
    rows,
    command: (...args) =>
      run(process.execPath, [launcher, "--policy", project.policyFile, ...args, "--json"], {
        cwd: project.directory,
        env: project.env,
        timeoutMs: commandMs,
      }),
    async [Symbol.asyncDispose]() {
      await project[Symbol.asyncDispose]();
      await database.remove();
    },
  };
}

async function makeTrees(directory: string): Promise<void> {
  for (const name of ["tree", "notes"]) await mkdir(join(directory, name));
  for (const [index, megabytes] of fileMegabytes.entries()) {
    const file = join(directory, "tree", `file-${String(index).padStart(3, "0")}`);
    await writeFile(file, randomBytes(megabytes * 1024 * 1024));
  }
  await writeFile(join(directory, "notes", "note"), "one\n");
}
