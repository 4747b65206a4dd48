/** The steps of the course, in order: each does one thing, judges it, and says what it saw. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CreateMultipartUploadCommand, DeleteObjectCommand, ListObjectVersionsCommand, S3Client } from "@aws-sdk/client-s3";
import { pruneSource } from "../../src/pipeline/prune.ts";
import type { FaultyS3Proxy, S3Operation } from "../../test/support/faulty-s3-proxy.ts";
import { openPipeline, shiftedClock } from "../../test/support/pipeline.ts";
import { type RunResult, runOk, waitFor } from "../../test/support/processes.ts";
import { credentials, type S3Server } from "../../test/support/s3-server.ts";
import type { CourseProject } from "./project.ts";

export interface CourseStep {
  readonly name: string;
  /** Resolves with what it saw. Errors: whatever says that it did not do what it must. */
  work(): Promise<string>;
}

export interface CourseTools {
  readonly course: CourseProject;
  readonly server: S3Server;
  readonly proxy: FaultyS3Proxy;
}

/** A restart of several seconds; a minute of SlowDown. */
const [downMs, slowMs] = [6_000, 60_000];
/**
 * Beyond the time that retention keeps everything, and the week that dead uploads are left alone.
 */
const laterMs = 10 * 86_400_000;

export function courseSteps(tools: CourseTools): readonly CourseStep[] {
  return [...backupSteps(tools), ...readSteps(tools), ...keepSteps(tools)];
}

function backupSteps({ course, server, proxy }: CourseTools): CourseStep[] {
  const { command } = course;
  return [
    {
      name: "check",
      async work() {
        const checked = expectCode(await command("check"), 0);
        const levels = (json(checked)["findings"] as { readonly level: string }[]).map(({ level }) => level);
        return `${levels.filter((level) => level === "ok").length} ok, ${levels.filter((level) => level === "warning").length} warnings`;
      },
    },
    {
      name: "backup of 130 MB of files, the server restarts for 6 s in the middle",
      work: () => during(proxy, "UploadPart", command("backup", "tree"), () => restart(server), isVerified),
    },
    {
      name: "backup of a database, a minute of SlowDown in the middle",
      work: () => during(proxy, "UploadPart", command("backup", "db"), () => slowDown(proxy), isVerified),
    },
    {
      name: "a second backup of the source at the same time",
      async work() {
        proxy.clear();
        const first = command("backup", "tree");
        await waitFor("the first upload", () => proxy.requests.includes("PutObject"), 120_000);
        const second = await command("backup", "tree");
        expectCode(await first, 0);
        assert.equal((json(second)["error"] as { class?: string }).class, "LeaseHeld");
        return `refused with exit code ${second.code} (LeaseHeld); the first one is verified`;
      },
    },
  ];
}

function readSteps({ course, server, proxy }: CourseTools): CourseStep[] {
  const { command, project, database } = course;
  return [
    {
      name: "verify the files, the server restarts for 6 s in the middle",
      work: () =>
        during(
          proxy,
          "GetObject",
          command("verify", "tree@latest"),
          () => restart(server),
          () => "verified",
        ),
    },
    {
      name: "restore test of the database",
      async work() {
        const tested = json(expectCode(await command("restore-test", "db"), 0));
        assert.equal((tested["tests"] as { check: string }[])[0]?.check, "proven");
        return "proven";
      },
    },
    {
      name: "restore of the files, a minute of SlowDown in the middle",
      async work() {
        const restoring = command("restore", "tree@latest", "--to", join(project.directory, "restored"));
        const seen = await during(
          proxy,
          "GetObject",
          restoring,
          () => slowDown(proxy),
          () => "restored",
        );
        await runOk("diff", ["-r", join(project.directory, "tree"), join(project.directory, "restored")]);
        return `${seen}; equal by diff -r`;
      },
    },
    {
      name: "restore of the database, the server restarts for 6 s in the middle",
      async work() {
        const restoring = command("restore", "db@latest", "--to", "restored");
        const seen = await during(
          proxy,
          "GetObject",
          restoring,
          () => restart(server),
          () => "restored",
        );
        assert.equal(await database.sql("select count(*) from orders", "restored"), String(course.rows));
        return `${seen}; ${course.rows} rows`;
      },
    },
    {
      name: "export",
      async work() {
        expectCode(await command("export", "tree@latest", "--to", join(project.directory, "exported")), 0);
        const names = (await runOk("ls", [join(project.directory, "exported")])).trim().split("\n");
        return names.join(", ");
      },
    },
  ];
}

function keepSteps({ course, server, proxy }: CourseTools): CourseStep[] {
  const { command, project, buckets } = course;
  const client = new S3Client({ endpoint: server.endpoint, region: "us-east-1", forcePathStyle: true, credentials });
  const versionsBelow = async (bucket: string, prefix: string) => {
    const { Versions = [], DeleteMarkers = [] } = await client.send(
      new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix }),
    );
    return { content: Versions, markers: DeleteMarkers };
  };
  return [
    {
      name: "prune where locks stand",
      async work() {
        const before = (await versionsBelow(buckets.locked, "team/")).content.length;
        expectCode(await command("prune", "tree"), 0);
        assert.ok((await versionsBelow(buckets.locked, "team/")).content.length >= before, "a locked object is gone");
        return `nothing of ${before} locked objects deleted`;
      },
    },
    {
      name: "prune and sweep in a bucket with versions, ten days later",
      async work() {
        for (const note of ["two\n", "three\n"]) {
          expectCode(await command("backup", "notes"), 0);
          await writeFile(join(project.directory, "notes", "note"), note);
        }
        expectCode(await command("backup", "notes"), 0);
        const Key = "team/artifacts/notes/20260101T000000Z-full-000000/dead";
        await client.send(new CreateMultipartUploadCommand({ Bucket: buckets.plain, Key }));
        const context = await openPipeline({ policyFile: project.policyFile, env: project.env, clock: shiftedClock(laterMs) });
        const { deleted } = await pruneSource(context, "notes");
        context.close();
        const left = (await versionsBelow(buckets.plain, "team/manifests/notes/")).content.length;
        assert.deepEqual([deleted.length, left, await server.countUploads(buckets.plain)], [2, 1, 0]);
        const leases = await versionsBelow(buckets.plain, "team/leases/");
        return `2 of 3 deleted with all versions, 1 dead upload removed, ${leases.content.length} versions of its leases`;
      },
    },
    {
      name: "a manifest deleted by somebody else, and brought back",
      async work() {
        const [manifest] = (await versionsBelow(buckets.locked, "team/manifests/tree/")).content;
        await client.send(new DeleteObjectCommand({ Bucket: buckets.locked, Key: manifest?.Key ?? "" }));
        expectCode(await command("check"), 1);
        const [marker] = (await versionsBelow(buckets.locked, "team/manifests/tree/")).markers;
        await client.send(
          new DeleteObjectCommand({ Bucket: buckets.locked, Key: marker?.Key ?? "", VersionId: marker?.VersionId ?? "" }),
        );
        expectCode(await command("check"), 0);
        return "check found it (exit code 1), and nothing after the marker was removed";
      },
    },
    {
      name: "verify all, at the end",
      async work() {
        proxy.clear();
        expectCode(await command("verify", "--all"), 0);
        client.destroy();
        return "every backup reads back";
      },
    },
  ];
}

/**
 * Runs `fault` while `running` is in the middle of `operation`, and has the command's success
 * judged by `look`.
 */
async function during(
  proxy: FaultyS3Proxy,
  operation: S3Operation,
  running: Promise<RunResult>,
  fault: () => Promise<void>,
  look: (ran: RunResult) => string,
): Promise<string> {
  proxy.clear();
  if (operation === "GetObject") proxy.inject("GetObject", { pauseMs: 20, pieceBytes: 262_144 });
  const begun = waitFor(operation, () => proxy.requests.filter((each) => each === operation).length > 2, 300_000);
  await Promise.race([begun, running]);
  // Some bytes further in.
  await new Promise((resolve) => setTimeout(resolve, 500));
  await fault();
  const ran = expectCode(await running, 0);
  proxy.clear();
  const waits = ran.stderr.split("\n").filter((line) => line.includes("waiting for the store"));
  return `${look(ran)}; ${waits.length === 0 ? "too short to be reported" : (waits.at(-1) ?? "").replace(/^.*?(waiting for the store) \S+ /, "$1 ").trim()}`;
}

const isVerified = (ran: RunResult): string => {
  assert.equal(json(ran)["state"], "verified");
  return "verified";
};

async function restart(server: S3Server): Promise<void> {
  if (server.restart === undefined) throw new Error("this server cannot restart");
  await server.restart(downMs);
}

async function slowDown(proxy: FaultyS3Proxy): Promise<void> {
  const operations: S3Operation[] = [
    "UploadPart",
    "PutObject",
    "CompleteMultipartUpload",
    "HeadObject",
    "GetObject",
    "ListObjectsV2",
  ];
  proxy.clear();
  for (const operation of operations) proxy.inject(operation, { answer: 503, code: "SlowDown" });
  proxy.cutAll();
  await new Promise((resolve) => setTimeout(resolve, slowMs));
  proxy.clear();
}

function expectCode(ran: RunResult, code: number): RunResult {
  if (ran.code === code) return ran;
  throw new Error(
    `exit code ${ran.code ?? ran.signal} where ${code} was expected: ${ran.stdout.slice(-1500)} ${ran.stderr.slice(-800)}`,
  );
}

function json(ran: RunResult): Readonly<Record<string, unknown>> {
  return JSON.parse(ran.stdout) as Record<string, unknown>;
}
