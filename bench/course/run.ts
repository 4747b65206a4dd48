/**
 * `npm run course`: everything a vault goes through, on S3 servers of others, which restart for
 * seconds and answer SlowDown for a minute in the middle of it. Prints a table for each server;
 * ends with 1 when a step did not do what it must.
 *   --server NAME  only the servers whose name holds this (versitygw, minio)
 */
import { parseArgs } from "node:util";
import { startFaultyS3Proxy } from "../../test/support/faulty-s3-proxy.ts";
import { useTestCredentials } from "../../test/support/s3-server.ts";
import { openCourseProject } from "./project.ts";
import { courseServers, ensureServer } from "./servers.ts";
import { type CourseStep, courseSteps } from "./steps.ts";

const { values: options } = parseArgs({ options: { server: { type: "string", default: "" } } });

/** What a step prints when it went well; anything thrown is a failure. */
interface Line {
  readonly step: string;
  readonly seconds: number;
  readonly result: string;
  readonly failed: boolean;
}

async function runStep({ name, work }: CourseStep): Promise<Line> {
  const started = performance.now();
  const outcome = await work().then(
    (result) => ({ result, failed: false }),
    (error: unknown) => ({ result: error instanceof Error ? error.message : String(error), failed: true }),
  );
  const line = { step: name, seconds: (performance.now() - started) / 1000, ...outcome };
  process.stderr.write(`  ${line.failed ? "FAILED" : "done  "} ${name} (${line.seconds.toFixed(1)} s)\n`);
  return line;
}

function render(server: string, lines: readonly Line[]): string {
  const width = Math.max(...lines.map(({ step }) => step.length));
  const rows = lines.map(
    ({ step, seconds, result, failed }) =>
      `  ${step.padEnd(width)}  ${seconds.toFixed(1).padStart(6)} s  ${failed ? `FAILED: ${result}` : result}`,
  );
  return [server, ...rows].join("\n");
}

useTestCredentials();
const chosen = courseServers.filter(({ name }) => name.toLowerCase().includes(options.server.toLowerCase()));
for (const each of chosen) ensureServer(each);
for (const { name, start } of chosen) {
  process.stderr.write(`${name}\n`);
  const server = await start();
  const proxy = await startFaultyS3Proxy(server.endpoint);
  try {
    await using course = await openCourseProject(server, proxy.endpoint);
    const lines: Line[] = [];
    for (const step of courseSteps({ course, server, proxy })) lines.push(await runStep(step));
    console.log(render(name, lines));
    if (lines.some(({ failed }) => failed)) process.exitCode = 1;
  } finally {
    await proxy.stop();
    await server.stop();
  }
}
